//! Pipes and FIFOs (`man 7 pipe`, `man 7 fifo`).

use super::file::{File, IoEvents, StatusFlags};
use super::inode::{FileType, Inode, Metadata, Time, current_time};
use super::memory::MemInode;
use crate::prelude::*;
use crate::process::Thread;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use frame::sync::WaitQueue;

/// Writes up to this length are not mixed with others.
const PIPE_BUF: usize = 4096;
/// The usual capacity in bytes.
const CAPACITY: usize = 65536;

/// What both ends of a pipe share.
struct Pipe {
    state: Mutex<State>,
    /// Those that wait for bytes, or for a writer.
    readers: WaitQueue,
    /// Those that wait for room, or for a reader.
    writers: WaitQueue,
    ino: u64,
    owner: [u32; 2],
    created: Time,
}

struct State {
    bytes: VecDeque<u8>,
    capacity: usize,
    readers: usize,
    writers: usize,
    /// How often an end was opened: what `open` of a FIFO waits for.
    reader_opens: u64,
    writer_opens: u64,
}

/// An end of a pipe, or both for a FIFO that was opened so.
pub struct PipeFile {
    pipe: Arc<Pipe>,
    status: AtomicU32,
    /// The FIFO's inode; `None` for a pipe without a name.
    inode: Option<Arc<MemInode>>,
}

/// A FIFO's pipe, while somebody has it open.
#[derive(Default)]
pub struct FifoSlot(Mutex<Weak<Pipe>>);

impl Pipe {
    fn new(owner: [u32; 2]) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Arc::new(Self {
            state: Mutex::new(State {
                bytes: VecDeque::new(),
                capacity: CAPACITY,
                readers: 0,
                writers: 0,
                reader_opens: 0,
                writer_opens: 0,
            }),
            readers: WaitQueue::new(),
            writers: WaitQueue::new(),
            ino: NEXT.fetch_add(1, Ordering::Relaxed),
            owner,
            created: current_time(),
        })
    }

    fn open(self: &Arc<Self>, status: StatusFlags, inode: Option<Arc<MemInode>>) -> Arc<PipeFile> {
        {
            let mut state = self.state.lock();
            if status.can_read() {
                state.readers += 1;
                state.reader_opens += 1;
            }
            if status.can_write() {
                state.writers += 1;
                state.writer_opens += 1;
            }
        }
        self.readers.wake_all();
        self.writers.wake_all();
        Arc::new(PipeFile { pipe: self.clone(), status: AtomicU32::new((status & StatusFlags::KEPT).bits()), inode })
    }
}

/// A pipe of this user and group: its end for reading and that for writing.
pub fn create(status: StatusFlags, owner: [u32; 2]) -> [Arc<PipeFile>; 2] {
    let pipe = Pipe::new(owner);
    [pipe.open(status, None), pipe.open(status | StatusFlags::O_WRONLY, None)]
}

/// Opens a FIFO, which waits for the other end to be opened.
///
/// # Errors
/// `ENXIO` for a writer that doesn't wait and has no reader, `ERESTARTSYS`.
pub fn open_fifo(slot: &FifoSlot, flags: StatusFlags, inode: Arc<MemInode>) -> Result<Arc<dyn File>> {
    let pipe = {
        let mut slot = slot.0.lock();
        slot.upgrade().unwrap_or_else(|| {
            let pipe = Pipe::new([0, 0]);
            *slot = Arc::downgrade(&pipe);
            pipe
        })
    };
    let (reads, writes) = (flags.can_read(), flags.can_write());
    let is_nonblocking = flags.contains(StatusFlags::O_NONBLOCK);
    if writes && !reads && is_nonblocking && pipe.state.lock().readers == 0 {
        bail!(ENXIO, "nobody reads the FIFO");
    }
    let seen = {
        let state = pipe.state.lock();
        (state.reader_opens, state.writer_opens, state.readers, state.writers)
    };
    let file = pipe.open(flags, Some(inode));
    if !is_nonblocking && reads != writes {
        let arrived = || {
            let state = pipe.state.lock();
            let arrived = if reads {
                seen.3 > 0 || state.writer_opens != seen.1
            } else {
                seen.2 > 0 || state.reader_opens != seen.0
            };
            arrived.then_some(())
        };
        let queue = if reads { &pipe.readers } else { &pipe.writers };
        queue.wait_until(None, arrived).map_err(|_| Error::from(Errno::ERESTARTSYS))?;
    }
    Ok(file)
}

impl PipeFile {
    fn is_nonblocking(&self) -> bool {
        self.status().contains(StatusFlags::O_NONBLOCK)
    }

    /// The capacity in bytes.
    pub fn capacity(&self) -> usize {
        self.pipe.state.lock().capacity
    }

    /// Sets the capacity, rounded up to a power of two of at least a page; gives what it is then.
    ///
    /// # Errors
    /// `EBUSY` if more is in the pipe, `EPERM` beyond the limit, `EINVAL` for nothing.
    pub fn set_capacity(&self, capacity: usize, may_exceed: bool) -> Result<usize> {
        const MAX_UNPRIVILEGED: usize = 1 << 20;
        if capacity == 0 || capacity > 1 << 31 {
            bail!(EINVAL, "no capacity for a pipe");
        }
        let capacity = capacity.next_power_of_two().max(PIPE_BUF);
        if capacity > MAX_UNPRIVILEGED && !may_exceed {
            bail!(EPERM, "beyond the limit of pipe capacities");
        }
        let mut state = self.pipe.state.lock();
        if state.bytes.len() > capacity {
            bail!(EBUSY, "more bytes are in the pipe");
        }
        state.capacity = capacity;
        drop(state);
        self.pipe.writers.wake_all();
        Ok(capacity)
    }
}

impl File for PipeFile {
    fn read(&self, sink: &mut Sink<'_>) -> Result<usize> {
        if sink.is_empty() {
            return Ok(0);
        }
        let mut attempt = || -> Option<Result<usize>> {
            let mut state = self.pipe.state.lock();
            if state.bytes.is_empty() {
                return if state.writers == 0 {
                    Some(Ok(0))
                } else if self.is_nonblocking() {
                    Some(Err(err!(EAGAIN, "the pipe is empty")))
                } else {
                    None
                };
            }
            let (front, back) = state.bytes.as_slices();
            let result = sink.put(front).map(|count| {
                if count < front.len() || sink.is_empty() { count } else { count + sink.put(back).unwrap_or(0) }
            });
            if let Ok(count) = result {
                state.bytes.drain(..count);
            }
            Some(result)
        };
        let result = match self.pipe.readers.wait_until(None, &mut attempt) {
            Ok(result) => result,
            Err(_) => Err(Errno::ERESTARTSYS.into()),
        };
        if result.is_ok() {
            self.pipe.writers.wake_all();
        }
        result
    }

    fn write(&self, source: &mut Source<'_>) -> Result<usize> {
        if source.is_empty() {
            return Ok(0);
        }
        // Copied first: the pipe's lock isn't held while the program's memory is touched, and short writes stay whole.
        let mut total = 0;
        let is_atomic = source.remaining() <= PIPE_BUF;
        let mut chunk = vec![0; source.remaining().min(CAPACITY)];
        while !source.is_empty() {
            let len = match source.take(&mut chunk) {
                Ok(len) => len,
                Err(error) if total == 0 => return Err(error),
                Err(_) => break,
            };
            match self.write_bytes(&chunk[..len], is_atomic) {
                (0, Some(error)) if total == 0 => return Err(error),
                (count, None) if count == len => total += count,
                (count, _) => {
                    total += count;
                    break;
                }
            }
        }
        Ok(total)
    }

    fn metadata(&self) -> Result<Metadata> {
        if let Some(inode) = &self.inode {
            return Inode::metadata(&**inode);
        }
        let created = self.pipe.created;
        let [uid, gid] = self.pipe.owner;
        Ok(Metadata {
            dev: 0xd,
            ino: self.pipe.ino,
            kind: FileType::Fifo,
            mode: 0o600,
            nlink: 1,
            uid,
            gid,
            rdev: 0,
            size: 0,
            blksize: 4096,
            blocks: 0,
            atime: created,
            mtime: created,
            ctime: created,
            btime: created,
        })
    }

    fn status(&self) -> StatusFlags {
        StatusFlags::from_bits_truncate(self.status.load(Ordering::Relaxed))
    }

    fn set_status(&self, status: StatusFlags) -> Result<()> {
        let kept = self.status() - StatusFlags::CHANGEABLE;
        self.status.store((kept | status & StatusFlags::CHANGEABLE).bits(), Ordering::Relaxed);
        Ok(())
    }

    fn inode(&self) -> Option<Arc<dyn Inode>> {
        self.inode.clone().map(|inode| -> Arc<dyn Inode> { inode })
    }

    fn allocate(&self, _mode: u32, _offset: u64, _len: u64) -> Result<()> {
        Err(err!(ESPIPE, "a pipe"))
    }

    fn path(&self) -> Vec<u8> {
        format!("pipe:[{}]", self.pipe.ino).into_bytes()
    }

    fn poll(&self) -> IoEvents {
        let state = self.pipe.state.lock();
        let status = self.status();
        let mut events = IoEvents::empty();
        if status.can_read() {
            events.set(IoEvents::POLLIN | IoEvents::POLLRDNORM, !state.bytes.is_empty());
            events.set(IoEvents::POLLHUP, state.writers == 0);
        }
        if status.can_write() {
            let has_room = state.capacity.saturating_sub(state.bytes.len()) >= PIPE_BUF;
            events.set(IoEvents::POLLOUT | IoEvents::POLLWRNORM, has_room);
            events.set(IoEvents::POLLERR, state.readers == 0);
        }
        events
    }

    fn wait_queues(&self) -> Vec<&WaitQueue> {
        vec![&self.pipe.readers, &self.pipe.writers]
    }

    fn ioctl(&self, _thread: &Arc<Thread>, request: u32, argument: u64) -> Result<usize> {
        const FIONREAD: u32 = 0x541b;
        if request != FIONREAD {
            bail!(ENOTTY, "a pipe has no such request");
        }
        let len = self.pipe.state.lock().bytes.len() as u32;
        UserPtr::<u32>::new(argument as usize).write(&len)?;
        Ok(0)
    }
}

impl PipeFile {
    /// Writes until all is in the pipe or something stops it; gives what is, and what stopped it.
    fn write_bytes(&self, bytes: &[u8], is_atomic: bool) -> (usize, Option<Error>) {
        let mut done = 0;
        while done < bytes.len() {
            let attempt = || -> Option<Result<usize>> {
                let mut state = self.pipe.state.lock();
                if state.readers == 0 {
                    return Some(Err(err!(EPIPE, "nobody reads the pipe")));
                }
                let room = state.capacity.saturating_sub(state.bytes.len());
                let wanted = bytes.len() - done;
                if room == 0 || is_atomic && room < wanted {
                    return self.is_nonblocking().then(|| Err(err!(EAGAIN, "the pipe is full")));
                }
                let count = room.min(wanted);
                state.bytes.extend(&bytes[done..done + count]);
                Some(Ok(count))
            };
            match self.pipe.writers.wait_until(None, attempt) {
                Ok(Ok(count)) => {
                    done += count;
                    self.pipe.readers.wake_all();
                }
                Ok(Err(error)) => return (done, Some(error)),
                Err(_) => return (done, Some(Errno::ERESTARTSYS.into())),
            }
        }
        (done, None)
    }
}

impl Drop for PipeFile {
    fn drop(&mut self) {
        super::locks::dropped(core::ptr::from_ref(self).cast());
        let status = self.status();
        {
            let mut state = self.pipe.state.lock();
            state.readers -= usize::from(status.can_read());
            state.writers -= usize::from(status.can_write());
        }
        self.pipe.readers.wake_all();
        self.pipe.writers.wake_all();
    }
}
