//! Reading, writing and positions.

use crate::fs::{File, FileType, StatusFlags};
use crate::net::{MessageFlags, Outgoing};
use crate::prelude::*;
use crate::process::{RLIM_INFINITY, Resource, Thread};
use crate::signal::{self, Signal};
use crate::syscalls::Context;
use crate::syscalls::args::FileDesc;
use frame::layout::TASK_SIZE;
use frame::ocall::file::{Extent, MAX_TRANSFER, Whence};

/// The most pieces of one transfer (`IOV_MAX`).
pub(crate) const MAX_PIECES: usize = 1024;

pub(super) fn readable(cx: &Context<'_>, fd: FileDesc) -> Result<Arc<dyn File>> {
    let file = cx.thread.file(fd)?;
    if file.status().can_read() { Ok(file) } else { Err(err!(EBADF, "the file is not open for reading")) }
}

pub(super) fn writable(cx: &Context<'_>, fd: FileDesc) -> Result<Arc<dyn File>> {
    let file = cx.thread.file(fd)?;
    if file.status().can_write() { Ok(file) } else { Err(err!(EBADF, "the file is not open for writing")) }
}

fn buffer(buf: UserPtr<u8>, count: usize) -> Result<UserSlice> {
    // The whole range must be a possible one, however little of it is transferred.
    if buf.addr().checked_add(count).is_none_or(|end| end > TASK_SIZE) {
        bail!(EFAULT, "the buffer is outside the program's memory");
    }
    buf.slice(count.min(MAX_TRANSFER))
}

/// The pieces that an array of `struct iovec` describes.
pub(crate) fn pieces(vector: UserPtr<[u64; 2]>, count: usize) -> Result<Vec<UserSlice>> {
    if count > MAX_PIECES {
        bail!(EINVAL, "too many pieces");
    }
    let mut total = 0_usize;
    vector
        .cast::<[u64; 2]>()
        .read_array(count)?
        .into_iter()
        .map(|[addr, len]| {
            if len > i64::MAX as u64 {
                bail!(EINVAL, "a piece's length is negative");
            }
            let piece = UserSlice::new(addr as usize, len as usize)?.truncate(MAX_TRANSFER - total);
            total += piece.len();
            Ok(piece)
        })
        .collect()
}

/// `read(2)`.
pub fn read(cx: Context<'_>, fd: FileDesc, buf: UserPtr<u8>, count: usize) -> Result<usize> {
    let file = readable(&cx, fd)?;
    cx.thread.io.count_read(file.read(&mut Sink::user(buffer(buf, count)?)))
}

/// `write(2)`.
pub fn write(cx: Context<'_>, fd: FileDesc, buf: UserPtr<u8>, count: usize) -> Result<usize> {
    let file = writable(&cx, fd)?;
    cx.thread.io.count_write(write_to(cx.thread, &*file, &mut Source::user(buffer(buf, count)?), None))
}

/// `readv(2)`.
pub fn readv(cx: Context<'_>, fd: FileDesc, vector: UserPtr<[u64; 2]>, count: usize) -> Result<usize> {
    let file = readable(&cx, fd)?;
    cx.thread.io.count_read(file.read(&mut Sink::user_vector(pieces(vector, count)?)))
}

/// `writev(2)`.
pub fn writev(cx: Context<'_>, fd: FileDesc, vector: UserPtr<[u64; 2]>, count: usize) -> Result<usize> {
    let file = writable(&cx, fd)?;
    cx.thread.io.count_write(write_to(cx.thread, &*file, &mut Source::user_vector(pieces(vector, count)?), None))
}

/// `pread64(2)`.
pub fn pread64(cx: Context<'_>, fd: FileDesc, buf: UserPtr<u8>, count: usize, offset: i64) -> Result<usize> {
    let offset = position(offset)?;
    let file = readable(&cx, fd)?;
    cx.thread.io.count_read(file.read_at(offset, &mut Sink::user(buffer(buf, count)?)))
}

/// `pwrite64(2)`.
pub fn pwrite64(cx: Context<'_>, fd: FileDesc, buf: UserPtr<u8>, count: usize, offset: i64) -> Result<usize> {
    let offset = position(offset)?;
    let file = writable(&cx, fd)?;
    cx.thread.io.count_write(write_to(cx.thread, &*file, &mut Source::user(buffer(buf, count)?), Some(offset)))
}

/// `preadv(2)`; the upper half of the offset is unused on x86-64.
pub fn preadv(
    cx: Context<'_>,
    fd: FileDesc,
    vector: UserPtr<[u64; 2]>,
    count: usize,
    offset: i64,
    _high: u64,
) -> Result<usize> {
    let offset = position(offset)?;
    let file = readable(&cx, fd)?;
    cx.thread.io.count_read(file.read_at(offset, &mut Sink::user_vector(pieces(vector, count)?)))
}

/// `pwritev(2)`.
pub fn pwritev(
    cx: Context<'_>,
    fd: FileDesc,
    vector: UserPtr<[u64; 2]>,
    count: usize,
    offset: i64,
    _high: u64,
) -> Result<usize> {
    let offset = position(offset)?;
    let file = writable(&cx, fd)?;
    cx.thread.io.count_write(write_to(
        cx.thread,
        &*file,
        &mut Source::user_vector(pieces(vector, count)?),
        Some(offset),
    ))
}

const RWF_HIPRI: u32 = 1;
const RWF_DSYNC: u32 = 2;
const RWF_SYNC: u32 = 4;
const RWF_APPEND: u32 = 16;

fn check_rw_flags(flags: u32, known: u32) -> Result<()> {
    // Polling and syncing are hints for what is in memory; the rest isn't there.
    if flags & !(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | known) == 0 {
        Ok(())
    } else {
        Err(err!(EOPNOTSUPP, "no such transfer flags"))
    }
}

/// `preadv2(2)`.
pub fn preadv2(
    cx: Context<'_>,
    fd: FileDesc,
    vector: UserPtr<[u64; 2]>,
    count: usize,
    offset: i64,
    high: u64,
    flags: u32,
) -> Result<usize> {
    if count == 0 {
        return readv(cx, fd, vector, count);
    }
    check_rw_flags(flags, 0)?;
    if offset == -1 { readv(cx, fd, vector, count) } else { preadv(cx, fd, vector, count, offset, high) }
}

/// `pwritev2(2)`.
pub fn pwritev2(
    cx: Context<'_>,
    fd: FileDesc,
    vector: UserPtr<[u64; 2]>,
    count: usize,
    offset: i64,
    high: u64,
    flags: u32,
) -> Result<usize> {
    if count == 0 {
        return writev(cx, fd, vector, count);
    }
    check_rw_flags(flags, RWF_APPEND)?;
    let thread = cx.thread.clone();
    let count = if flags & RWF_APPEND != 0 {
        let file = writable(&cx, fd)?;
        let source = &mut Source::user_vector(pieces(vector, count)?);
        match file.as_inode_file() {
            Some(inode_file) => inode_file.append(source, offset == -1)?,
            None => write_to(&thread, &*file, source, None)?,
        }
    } else if offset == -1 {
        writev(cx, fd, vector, count)?
    } else {
        pwritev(cx, fd, vector, count, offset, high)?
    };
    if flags & (RWF_DSYNC | RWF_SYNC) != 0 {
        thread.file(fd)?.sync(if flags & RWF_SYNC == 0 { Extent::Data } else { Extent::Everything })?;
    }
    Ok(count)
}

/// A position in the program's memory; it's written back when the transfer is done.
pub(super) struct Offset {
    pointer: UserPtr<i64>,
    pub(super) at: Option<u64>,
}

impl Offset {
    pub(super) fn read(pointer: UserPtr<i64>) -> Result<Self> {
        let at = pointer.non_null().map(|pointer| position(pointer.read()?)).transpose()?;
        Ok(Self { pointer, at })
    }

    pub(super) fn advance(&mut self, count: usize) {
        self.at = self.at.map(|at| at + count as u64);
    }

    pub(super) fn write_back(self) -> Result<()> {
        self.at.map_or(Ok(()), |at| self.pointer.write(&(at as i64)))
    }
}

pub(super) fn position(offset: i64) -> Result<u64> {
    u64::try_from(offset).map_err(|_| err!(EINVAL, "the offset is negative"))
}

/// Writes, within the limit of file sizes, and signals a broken pipe.
pub(super) fn write_to(
    thread: &Arc<Thread>,
    file: &dyn File,
    source: &mut Source<'_>,
    offset: Option<u64>,
) -> Result<usize> {
    if offset.is_none()
        && let Some(socket) = file.as_socket()
    {
        return socket.send(thread, &mut Outgoing::new(source, MessageFlags::empty()));
    }
    limit_size(thread, file, source, offset)?;
    let result = match offset {
        None => file.write(source),
        Some(offset) => file.write_at(offset, source),
    };
    signal::raise_if_broken_pipe(thread, result)
}

/// Cuts a write at `RLIMIT_FSIZE`, or refuses it with `SIGXFSZ`.
fn limit_size(thread: &Arc<Thread>, file: &dyn File, source: &mut Source<'_>, offset: Option<u64>) -> Result<()> {
    let Some(inode_file) = file.as_inode_file() else { return Ok(()) };
    let limit = thread.process.limits.lock().soft(Resource::FileSize);
    if limit == RLIM_INFINITY || source.is_empty() {
        return Ok(());
    }
    let at = match offset {
        Some(offset) => offset,
        None if file.status().contains(StatusFlags::O_APPEND) => inode_file.handle()?.end()?,
        None => file.seek(0, Whence::Current)?,
    };
    if at >= limit {
        signal::raise(thread, Signal::SIGXFSZ);
        bail!(EFBIG, "the limit of file sizes is reached");
    }
    source.truncate(usize::try_from(limit - at).unwrap_or(usize::MAX));
    Ok(())
}

/// `lseek(2)`.
pub fn lseek(cx: Context<'_>, fd: FileDesc, offset: i64, whence: u32) -> Result<usize> {
    let file = cx.thread.file(fd)?;
    let whence = match whence {
        0 => Whence::Set,
        1 => Whence::Current,
        2 => Whence::End,
        3 => Whence::Data,
        4 => Whence::Hole,
        _ => bail!(EINVAL, "no such starting point"),
    };
    Ok(file.seek(offset, whence)? as usize)
}

/// `sendfile(2)`.
pub fn sendfile(cx: Context<'_>, out: FileDesc, input: FileDesc, offset: UserPtr<i64>, count: usize) -> Result<usize> {
    let source = readable(&cx, input)?;
    let target = writable(&cx, out)?;
    if target.status().contains(StatusFlags::O_APPEND) {
        bail!(EINVAL, "the output appends");
    }
    if source.metadata()?.kind == FileType::Fifo {
        bail!(EINVAL, "the input is a pipe");
    }
    let mut offset = Offset::read(offset)?;
    let total = copy(cx.thread, &*source, &mut offset.at, &*target, &mut None, count)?;
    offset.write_back()?;
    Ok(total)
}

/// `copy_file_range(2)`.
pub fn copy_file_range(
    cx: Context<'_>,
    input: FileDesc,
    in_offset: UserPtr<i64>,
    out: FileDesc,
    out_offset: UserPtr<i64>,
    count: usize,
    flags: u32,
) -> Result<usize> {
    if flags != 0 {
        bail!(EINVAL, "undefined flags");
    }
    let source = readable(&cx, input)?;
    let target = writable(&cx, out)?;
    for file in [&source, &target] {
        match file.metadata()?.kind {
            FileType::Regular => {}
            FileType::Directory => bail!(EISDIR, "a directory"),
            _ => bail!(EINVAL, "not a regular file"),
        }
    }
    if target.status().contains(StatusFlags::O_APPEND) {
        bail!(EBADF, "the output appends");
    }
    let same = {
        let [one, other] = [source.metadata()?, target.metadata()?];
        (one.dev, one.ino) == (other.dev, other.ino)
    };
    let (mut from, mut to) = (Offset::read(in_offset)?, Offset::read(out_offset)?);
    if same {
        let at = |offset: Option<u64>, file: &dyn File| match offset {
            Some(offset) => Ok(offset),
            None => file.seek(0, Whence::Current),
        };
        if at(from.at, &*source)?.abs_diff(at(to.at, &*target)?) < count as u64 {
            bail!(EINVAL, "the ranges overlap");
        }
    }
    let total = copy(cx.thread, &*source, &mut from.at, &*target, &mut to.at, count)?;
    from.write_back()?;
    to.write_back()?;
    Ok(total)
}

/// Copies between files, from and to offsets that move, or the files' own positions.
fn copy(
    thread: &Arc<Thread>,
    source: &dyn File,
    from: &mut Option<u64>,
    target: &dyn File,
    to: &mut Option<u64>,
    count: usize,
) -> Result<usize> {
    const CHUNK: usize = 256 << 10;
    let count = count.min(MAX_TRANSFER);
    let mut buffer = vec![0; count.min(CHUNK)];
    let mut total = 0;
    while total < count {
        let len = buffer.len().min(count - total);
        let sink = &mut Sink::buffer(&mut buffer[..len]);
        let read = match from {
            Some(offset) => source.read_at(*offset, sink),
            None => source.read(sink),
        };
        let read = match read {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if total == 0 => return Err(error),
            Err(_) => break,
        };
        let written = write_to(thread, target, &mut Source::buffer(&buffer[..read]), *to);
        let (written, outcome) = match written {
            Ok(written) => (written, Ok(())),
            Err(error) => (0, Err(error)),
        };
        if let Some(offset) = from {
            *offset += written as u64;
        } else if written < read {
            // What was read but couldn't be written is read again next time.
            let _ = source.seek(written as i64 - read as i64, Whence::Current);
        }
        if total == 0 {
            outcome?;
        }
        if let Some(offset) = to {
            *offset += written as u64;
        }
        total += written;
        if written < read {
            break;
        }
    }
    Ok(total)
}
