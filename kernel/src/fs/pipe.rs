//! Pipes and FIFOs (`man 7 pipe`, `man 7 fifo`): a channel of pages with a file at each end.

use super::file::{File, StatusFlags};
use super::inode::{FileType, Inode, Metadata, Time, current_time};
use super::memory::MemInode;
use crate::events::{
    Blocking, CHUNK_SIZE, Channel, Chunk, ChunkKind, Consumer, IoEvents, Notifier, Observer, Producer, Reaction, Share,
};
use crate::prelude::*;
use crate::process::Thread;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use frame::sync::WaitQueue;

/// The usual capacity in pages.
const CAPACITY: usize = 16;

/// What both ends of a pipe share.
struct Pipe {
    channel: Arc<Channel<Chunk>>,
    /// How often an end was opened: what `open` of a FIFO waits for.
    opens: Mutex<Opens>,
    opened: WaitQueue,
    ino: u64,
    owner: [u32; 2],
    created: Time,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Opens {
    readers: u64,
    writers: u64,
}

/// An end of a pipe, or both for a FIFO that was opened so.
pub struct PipeFile {
    pipe: Arc<Pipe>,
    ends: Ends,
    status: AtomicU32,
    /// The FIFO's inode; `None` for a pipe without a name.
    inode: Option<Arc<MemInode>>,
    /// A reader that found no writer: until one comes, it isn't told that they're gone.
    writers_before: Option<u64>,
}

enum Ends {
    Read(Consumer<Chunk>),
    Write(Producer<Chunk>),
    Both(Consumer<Chunk>, Producer<Chunk>, Arc<BothEnds>),
}

/// Observes both ends for a file that has both.
#[derive(Default)]
struct BothEnds(Notifier);

impl Observer for BothEnds {
    fn on_events(&self, events: IoEvents) -> Reaction {
        self.0.broadcast(events);
        Reaction::Noted
    }
}

/// A FIFO's pipe, while somebody has it open.
#[derive(Default)]
pub struct FifoSlot(Mutex<Weak<Pipe>>);

impl Pipe {
    fn new(owner: [u32; 2]) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Arc::new(Self {
            channel: Channel::new(CAPACITY),
            opens: Mutex::new(Opens::default()),
            opened: WaitQueue::new(),
            ino: NEXT.fetch_add(1, Ordering::Relaxed),
            owner,
            created: current_time(),
        })
    }

    fn open(self: &Arc<Self>, status: StatusFlags, inode: Option<Arc<MemInode>>) -> Arc<PipeFile> {
        let mut opens = self.opens.lock();
        let writers_before =
            (status.can_read() && !status.can_write() && !self.channel.has_producers()).then_some(opens.writers);
        opens.readers += u64::from(status.can_read());
        opens.writers += u64::from(status.can_write());
        let ends = match (status.can_read(), status.can_write()) {
            (true, true) => Ends::both(self.channel.consumer(), self.channel.producer()),
            (_, true) => Ends::Write(self.channel.producer()),
            _ => Ends::Read(self.channel.consumer()),
        };
        drop(opens);
        self.opened.wake_all();
        let status = AtomicU32::new((status & StatusFlags::KEPT).bits());
        Arc::new(PipeFile { pipe: self.clone(), ends, status, inode, writers_before })
    }
}

impl Ends {
    fn both(consumer: Consumer<Chunk>, producer: Producer<Chunk>) -> Self {
        let both = Arc::new(BothEnds::default());
        for notifier in [consumer.notifier(), producer.notifier()] {
            let observer: Weak<BothEnds> = Arc::downgrade(&both);
            notifier.register(observer, IoEvents::all(), Share::All);
        }
        Self::Both(consumer, producer, both)
    }
}

/// A pipe of this user and group: its end for reading and that for writing.
pub fn create(status: StatusFlags, owner: [u32; 2]) -> [Arc<PipeFile>; 2] {
    let pipe = Pipe::new(owner);
    // The writer first, so that the reader finds one.
    let writer = pipe.open(status | StatusFlags::O_WRONLY, None);
    [pipe.open(status, None), writer]
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
    let has_reader = pipe.channel.has_consumers();
    if writes && !reads && is_nonblocking && !has_reader {
        bail!(ENXIO, "nobody reads the FIFO");
    }
    let (before, has_writer) = (*pipe.opens.lock(), pipe.channel.has_producers());
    let mut file = pipe.open(flags, Some(inode));
    if !is_nonblocking && reads != writes {
        let arrived = || {
            let opens = *pipe.opens.lock();
            let arrived = if reads {
                has_writer || opens.writers != before.writers
            } else {
                has_reader || opens.readers != before.readers
            };
            arrived.then_some(())
        };
        pipe.opened.wait_until(None, arrived).map_err(|_| Error::from(Errno::ERESTARTSYS))?;
        if let Some(file) = Arc::get_mut(&mut file) {
            file.writers_before = None;
        }
    }
    Ok(file)
}

impl PipeFile {
    /// What a transfer does when it can't go on, by the file's status.
    pub fn blocking(&self) -> Blocking {
        if self.status().contains(StatusFlags::O_NONBLOCK) { Blocking::DontWait } else { Blocking::Wait }
    }

    /// The end that is read from.
    pub fn consumer(&self) -> Option<&Consumer<Chunk>> {
        match &self.ends {
            Ends::Read(consumer) | Ends::Both(consumer, ..) => Some(consumer),
            Ends::Write(_) => None,
        }
    }

    /// The end that is written to.
    pub fn producer(&self) -> Option<&Producer<Chunk>> {
        match &self.ends {
            Ends::Write(producer) | Ends::Both(_, producer, _) => Some(producer),
            Ends::Read(_) => None,
        }
    }

    /// Whether both are ends of one pipe.
    pub fn is_same_pipe(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.pipe, &other.pipe)
    }

    /// Whether what is written is a packet of its own, or part of a stream.
    fn chunk_kind(&self) -> ChunkKind {
        if self.status().contains(StatusFlags::O_DIRECT) { ChunkKind::Packet } else { ChunkKind::Stream }
    }

    /// The capacity in bytes.
    pub fn capacity(&self) -> usize {
        self.pipe.channel.capacity() * CHUNK_SIZE
    }

    /// Sets the capacity, rounded up to a power of two of at least a page; gives what it is then.
    ///
    /// # Errors
    /// `EBUSY` if more is in the pipe, `EPERM` beyond the limit, `EINVAL` for nothing.
    pub fn set_capacity(&self, capacity: usize, may_exceed: bool) -> Result<usize> {
        const MAX_UNPRIVILEGED: usize = 1 << 20;
        if capacity > 1 << 31 {
            bail!(EINVAL, "no capacity for a pipe");
        }
        let capacity = capacity.next_power_of_two().max(CHUNK_SIZE);
        if capacity > MAX_UNPRIVILEGED.max(self.capacity()) && !may_exceed {
            bail!(EPERM, "beyond the limit of pipe capacities");
        }
        self.pipe.channel.set_capacity(capacity / CHUNK_SIZE)?;
        Ok(capacity)
    }
}

impl File for PipeFile {
    fn read(&self, sink: &mut Sink<'_>) -> Result<usize> {
        self.consumer().ok_or(Errno::EBADF)?.read(sink, self.blocking())
    }

    fn write(&self, source: &mut Source<'_>) -> Result<usize> {
        self.producer().ok_or(Errno::EBADF)?.write(source, self.chunk_kind(), self.blocking())
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
        let mut events = self.consumer().map_or(IoEvents::empty(), Consumer::poll);
        if self.writers_before.is_some_and(|before| self.pipe.opens.lock().writers == before) {
            events.remove(IoEvents::POLLHUP);
        }
        events | self.producer().map_or(IoEvents::empty(), Producer::poll)
    }

    fn notifier(&self) -> Option<&Notifier> {
        Some(match &self.ends {
            Ends::Read(consumer) => consumer.notifier(),
            Ends::Write(producer) => producer.notifier(),
            Ends::Both(_, _, both) => &both.0,
        })
    }

    fn ioctl(&self, _thread: &Arc<Thread>, request: u32, argument: u64) -> Result<usize> {
        const FIONREAD: u32 = 0x541b;
        if request != FIONREAD {
            bail!(ENOTTY, "a pipe has no such request");
        }
        let len: usize = self.pipe.channel.with_items(|chunks| chunks.iter().map(Chunk::len).sum());
        UserPtr::<u32>::new(argument as usize).write(&(len as u32))?;
        Ok(0)
    }
}

impl Drop for PipeFile {
    fn drop(&mut self) {
        super::locks::dropped(core::ptr::from_ref(self).cast());
    }
}
