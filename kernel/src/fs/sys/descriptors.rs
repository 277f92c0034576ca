//! Opening, closing and duplicating descriptors.

use super::{Walk, owner};
use crate::flags_arg;
use crate::fs::memory::MemFs;
use crate::fs::path::Resolve;
use crate::fs::{Dentry, Inode, InodeFile};
use crate::fs::{FdFlags, File, FileType, StatusFlags, locks, open, pipe};
use crate::prelude::*;
use crate::process::{Resource, Thread};
use crate::syscalls::Context;
use crate::syscalls::args::{Addr, DirDesc, FileDesc, Flags, Mode, UserPath, UserStr};
use bitflags::bitflags;
use frame::ocall::file::{Extent, Whence};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The limit of descriptors of a thread's process.
pub(super) fn limit(thread: &Thread) -> u64 {
    thread.process.limits.lock().soft(Resource::OpenFiles)
}

/// Gives an open file a descriptor.
pub(crate) fn install(thread: &Thread, file: Arc<dyn File>, flags: FdFlags) -> Result<usize> {
    Ok(thread.files().insert(file, flags, 0, limit(thread))?.0 as usize)
}

/// Checks that there is a descriptor for one more file.
///
/// # Errors
/// `EMFILE`.
pub(crate) fn check_room(thread: &Thread) -> Result<()> {
    thread.files().check_room(limit(thread))
}

fn fd_flags(status: StatusFlags) -> FdFlags {
    if status.contains(StatusFlags::O_CLOEXEC) { FdFlags::CLOEXEC } else { FdFlags::empty() }
}

impl crate::syscalls::args::Arg for StatusFlags {
    /// `open` ignores flags that it doesn't know.
    fn decode(word: u64) -> Result<Self> {
        Ok(Self::from_bits_truncate(word as u32))
    }

    fn trace(word: u64, f: &mut dyn core::fmt::Write) -> core::fmt::Result {
        match word as u32 & 3 {
            0 => f.write_str("O_RDONLY")?,
            1 => f.write_str("O_WRONLY")?,
            _ => f.write_str("O_RDWR")?,
        }
        let rest = word & !3;
        if rest & u64::from(u32::MAX) == 0 {
            return Ok(());
        }
        f.write_str("|")?;
        crate::syscalls::args::trace_flags::<Self>(rest, f)
    }
}

/// `open(2)`.
pub fn open(cx: Context<'_>, path: UserPath, flags: StatusFlags, mode: Mode) -> Result<usize> {
    openat(cx, DirDesc::Cwd, path, flags, mode)
}

/// `openat(2)`.
pub fn openat(cx: Context<'_>, dir: DirDesc, path: UserPath, flags: StatusFlags, mode: Mode) -> Result<usize> {
    let path = path.read()?;
    let file = open::open_at(cx.thread, dir, &path, flags, mode.0)?;
    install(cx.thread, file, fd_flags(flags))
}

/// `creat(2)`.
pub fn creat(cx: Context<'_>, path: UserPath, mode: Mode) -> Result<usize> {
    openat(cx, DirDesc::Cwd, path, StatusFlags::O_CREAT | StatusFlags::O_WRONLY | StatusFlags::O_TRUNC, mode)
}

/// `struct open_how`.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct OpenHow {
    flags: u64,
    mode: u64,
    resolve: u64,
}

/// `openat2(2)`.
pub fn openat2(cx: Context<'_>, dir: DirDesc, path: UserPath, how: UserPtr<OpenHow>, size: usize) -> Result<usize> {
    if size < size_of::<OpenHow>() {
        bail!(EINVAL, "the structure is too small");
    }
    if size > frame::layout::PAGE_SIZE {
        bail!(E2BIG, "the structure is larger than a page");
    }
    let rest = how.cast::<u8>().slice(size)?.skip(size_of::<OpenHow>()).to_vec()?;
    let how = how.read()?;
    if rest.iter().any(|&byte| byte != 0) {
        bail!(E2BIG, "unknown fields are set");
    }
    let flags = u32::try_from(how.flags).ok().and_then(StatusFlags::from_bits);
    let flags = flags.ok_or(err!(EINVAL, "undefined flags"))?;
    let makes = flags.intersects(StatusFlags::O_CREAT | StatusFlags::O_TMPFILE_BIT);
    if how.mode & !0o7777 != 0 || how.mode != 0 && !makes {
        bail!(EINVAL, "an undefined mode");
    }
    let resolve = Resolve::from_bits(how.resolve).ok_or(err!(EINVAL, "an undefined way to resolve"))?;
    if resolve.contains(Resolve::RESOLVE_BENEATH | Resolve::RESOLVE_IN_ROOT) {
        bail!(EINVAL, "RESOLVE_BENEATH with RESOLVE_IN_ROOT");
    }
    if resolve.contains(Resolve::RESOLVE_CACHED) {
        bail!(EAGAIN, "the host may have to be asked");
    }
    let path = path.read()?;
    let file = open::open_restricted(cx.thread, dir, &path, resolve, flags, how.mode as u32)?;
    install(cx.thread, file, fd_flags(flags))
}

/// `close(2)`.
pub fn close(cx: Context<'_>, fd: FileDesc) -> Result<usize> {
    cx.thread.close(fd)?;
    Ok(0)
}

bitflags! {
    /// Flags of `close_range`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct CloseRangeFlags: u32 {
        /// `CLOSE_RANGE_UNSHARE`.
        const CLOSE_RANGE_UNSHARE = 2;
        /// `CLOSE_RANGE_CLOEXEC`.
        const CLOSE_RANGE_CLOEXEC = 4;
    }
}
flags_arg!(CloseRangeFlags);

/// `close_range(2)`.
pub fn close_range(cx: Context<'_>, first: u32, last: u32, flags: CloseRangeFlags) -> Result<usize> {
    if first > last {
        bail!(EINVAL, "the range is empty");
    }
    if flags.contains(CloseRangeFlags::CLOSE_RANGE_UNSHARE) {
        let own = Arc::new(crate::fs::FileTable::clone(&cx.thread.files()));
        cx.thread.set_files(own);
    }
    if flags.contains(CloseRangeFlags::CLOSE_RANGE_CLOEXEC) {
        cx.thread.files().set_close_on_exec(first, last);
    } else {
        cx.thread.files().close_range(first, last);
    }
    Ok(0)
}

/// `dup(2)`.
pub fn dup(cx: Context<'_>, fd: FileDesc) -> Result<usize> {
    let file = cx.thread.file(fd)?;
    install(cx.thread, file, FdFlags::empty())
}

/// `dup2(2)`.
pub fn dup2(cx: Context<'_>, old: FileDesc, new: FileDesc) -> Result<usize> {
    let files = cx.thread.files();
    let file = files.get(old)?;
    if old != new {
        files.replace(new, file, FdFlags::empty(), limit(cx.thread))?;
    }
    Ok(new.0 as usize)
}

/// `dup3(2)`.
pub fn dup3(cx: Context<'_>, old: FileDesc, new: FileDesc, flags: Flags) -> Result<usize> {
    const O_CLOEXEC: u32 = StatusFlags::O_CLOEXEC.bits();
    if flags.0 & !O_CLOEXEC != 0 || old == new {
        bail!(EINVAL, "undefined flags, or the same descriptor twice");
    }
    let files = cx.thread.files();
    let file = files.get(old)?;
    let fd_flags = if flags.0 == 0 { FdFlags::empty() } else { FdFlags::CLOEXEC };
    files.replace(new, file, fd_flags, limit(cx.thread))?;
    Ok(new.0 as usize)
}

/// `fcntl(2)`.
pub fn fcntl(cx: Context<'_>, fd: FileDesc, command: u32, argument: u64) -> Result<usize> {
    const F_DUPFD: u32 = 0;
    const F_GETFD: u32 = 1;
    const F_SETFD: u32 = 2;
    const F_GETFL: u32 = 3;
    const F_SETFL: u32 = 4;
    const F_DUPFD_CLOEXEC: u32 = 1030;
    const F_SETPIPE_SZ: u32 = 1031;
    const F_GETPIPE_SZ: u32 = 1032;
    const F_NOTIFY: u32 = 1026;
    const F_DUPFD_QUERY: u32 = 1027;
    const CAP_SYS_RESOURCE: u32 = 24;
    let files = cx.thread.files();
    let file = files.get(fd)?;
    if file.status().contains(StatusFlags::O_PATH)
        && !matches!(command, F_DUPFD | F_DUPFD_CLOEXEC | F_GETFD | F_SETFD | F_GETFL | F_DUPFD_QUERY)
    {
        bail!(EBADF, "the file was opened with O_PATH");
    }
    match command {
        F_DUPFD | F_DUPFD_CLOEXEC => {
            let limit = limit(cx.thread);
            if argument >= limit {
                bail!(EINVAL, "the descriptor is beyond the limit of open files");
            }
            let flags = if command == F_DUPFD { FdFlags::empty() } else { FdFlags::CLOEXEC };
            Ok(files.insert(file, flags, argument as usize, limit)?.0 as usize)
        }
        F_GETFD => Ok(files.flags(fd)?.bits() as usize),
        F_SETFD => {
            files.set_flags(fd, FdFlags::from_bits_truncate(argument as u32))?;
            Ok(0)
        }
        F_GETFL => {
            let is_named = file.as_inode_file().is_some() || file.inode().is_some();
            let large = if is_named { StatusFlags::O_LARGEFILE } else { StatusFlags::empty() };
            Ok((file.status() | large).bits() as usize)
        }
        F_SETFL => {
            let status = StatusFlags::from_bits_truncate(argument as u32);
            owner::set_status(fd, &file, status)?;
            Ok(0)
        }
        F_GETPIPE_SZ | F_SETPIPE_SZ => {
            let pipe = file.downcast_ref::<pipe::PipeFile>().ok_or(err!(EBADF, "not a pipe"))?;
            if command == F_GETPIPE_SZ {
                return Ok(pipe.capacity());
            }
            let size = u32::try_from(argument).map_err(|_| err!(EINVAL, "no capacity for a pipe"))?;
            pipe.set_capacity(size as usize, cx.thread.credentials().has_cap(CAP_SYS_RESOURCE))
        }
        F_NOTIFY => {
            warn!("directories don't signal changes (F_NOTIFY): inotify tells of them");
            Err(err!(EINVAL, "directories don't signal changes"))
        }
        F_DUPFD_QUERY => {
            let other = files.get(FileDesc(argument as i32))?;
            Ok(usize::from(Arc::ptr_eq(&file, &other)))
        }
        _ => match owner::fcntl(cx.thread, &file, command, argument) {
            Some(result) => result,
            None => locks::fcntl(cx.thread, &file, command, argument),
        },
    }
}

/// `flock(2)`.
pub fn flock(cx: Context<'_>, fd: FileDesc, operation: u32) -> Result<usize> {
    let file = cx.thread.file(fd)?;
    locks::flock(&file, operation)
}

/// `ioctl(2)`.
pub fn ioctl(cx: Context<'_>, fd: FileDesc, request: u32, argument: Addr) -> Result<usize> {
    const FIONCLEX: u32 = 0x5450;
    const FIOCLEX: u32 = 0x5451;
    const FIONBIO: u32 = 0x5421;
    const FIONREAD: u32 = 0x541b;
    let files = cx.thread.files();
    let file = files.get(fd)?;
    if file.status().contains(StatusFlags::O_PATH) {
        bail!(EBADF, "the file was opened with O_PATH");
    }
    match request {
        FIOCLEX => files.set_flags(fd, FdFlags::CLOEXEC)?,
        FIONCLEX => files.set_flags(fd, FdFlags::empty())?,
        FIONBIO => {
            let on = UserPtr::<i32>::new(argument.0).read()? != 0;
            let mut status = file.status();
            status.set(StatusFlags::O_NONBLOCK, on);
            file.set_status(status)?;
        }
        FIONREAD if file.as_inode_file().is_some() => {
            let metadata = file.metadata()?;
            if metadata.kind != FileType::Regular {
                bail!(ENOTTY, "the file has no such request");
            }
            let at = file.seek(0, Whence::Current)?;
            let left = i64::try_from(metadata.size).unwrap_or(i64::MAX) - at as i64;
            UserPtr::<i32>::new(argument.0).write(&(left as i32))?;
        }
        _ => {
            return match owner::ioctl(cx.thread, fd, &file, request, UserPtr::new(argument.0)) {
                Some(result) => result,
                None => file.ioctl(cx.thread, request, argument.0 as u64),
            };
        }
    }
    Ok(0)
}

/// `pipe(2)`.
pub fn pipe(cx: Context<'_>, fds: UserPtr<[i32; 2]>) -> Result<usize> {
    pipe2(cx, fds, Flags(0))
}

/// `pipe2(2)`.
pub fn pipe2(cx: Context<'_>, fds: UserPtr<[i32; 2]>, flags: Flags) -> Result<usize> {
    let known = StatusFlags::O_CLOEXEC | StatusFlags::O_NONBLOCK | StatusFlags::O_DIRECT;
    if flags.0 & !known.bits() != 0 {
        bail!(EINVAL, "undefined flags");
    }
    let status = StatusFlags::from_bits_truncate(flags.0);
    let credentials = cx.thread.credentials();
    let [reader, writer] = pipe::create(status - StatusFlags::O_CLOEXEC, [credentials.fsuid, credentials.fsgid]);
    let reader = install(cx.thread, reader, fd_flags(status))?;
    let files = cx.thread.files();
    let close = |fd: usize| {
        let _ = files.remove(FileDesc(fd as i32));
    };
    let writer = install(cx.thread, writer, fd_flags(status)).inspect_err(|_| close(reader))?;
    fds.write(&[reader as i32, writer as i32]).inspect_err(|_| {
        close(reader);
        close(writer);
    })?;
    Ok(0)
}

bitflags! {
    /// Flags of `memfd_create`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct MemfdFlags: u32 {
        /// `MFD_CLOEXEC`.
        const MFD_CLOEXEC = 1;
        /// `MFD_ALLOW_SEALING`.
        const MFD_ALLOW_SEALING = 2;
        /// `MFD_HUGETLB`.
        const MFD_HUGETLB = 4;
        /// `MFD_NOEXEC_SEAL`.
        const MFD_NOEXEC_SEAL = 8;
        /// `MFD_EXEC`.
        const MFD_EXEC = 16;
    }
}
flags_arg!(MemfdFlags);

/// `memfd_create(2)`.
pub fn memfd_create(cx: Context<'_>, name: UserStr, flags: MemfdFlags) -> Result<usize> {
    const MAX_NAME: usize = 249;
    let name = name.0.read_cstr(MAX_NAME + 1).map_err(|error| match error.errno() {
        Errno::ENAMETOOLONG => err!(EINVAL, "the name is too long"),
        _ => error,
    })?;
    if flags.contains(MemfdFlags::MFD_HUGETLB) {
        bail!(ENOMEM, "there are no huge pages");
    }
    if flags.contains(MemfdFlags::MFD_NOEXEC_SEAL | MemfdFlags::MFD_EXEC) {
        bail!(EINVAL, "MFD_EXEC with MFD_NOEXEC_SEAL");
    }
    let credentials = cx.thread.credentials();
    let root = MemFs::new_root(None, 0o700, [0, 0]);
    let mode = if flags.contains(MemfdFlags::MFD_NOEXEC_SEAL) { 0o666 } else { 0o777 };
    let inode = root.create_unnamed(mode, [credentials.fsuid, credentials.fsgid])?;
    let handle = inode.clone().open(StatusFlags::O_RDWR)?;
    let name = [b"/memfd:", name.as_slice()].concat();
    let file = Arc::new(InodeFile::new(Dentry::unnamed(&name, inode), Some(handle), StatusFlags::O_RDWR));
    if flags.intersects(MemfdFlags::MFD_ALLOW_SEALING | MemfdFlags::MFD_NOEXEC_SEAL)
        && let Some(seals) = file.seals()
    {
        const F_SEAL_EXEC: u32 = 32;
        seals.allow();
        if flags.contains(MemfdFlags::MFD_NOEXEC_SEAL) {
            seals.add(F_SEAL_EXEC)?;
        }
    }
    let fd_flags = if flags.contains(MemfdFlags::MFD_CLOEXEC) { FdFlags::CLOEXEC } else { FdFlags::empty() };
    install(cx.thread, file, fd_flags)
}

/// `umask(2)`.
pub fn umask(cx: Context<'_>, mask: Mode) -> Result<usize> {
    Ok(cx.thread.fs().set_umask(mask.0) as usize)
}

/// `sync(2)`: what is in memory needs none, and the host's files are written back by the host.
pub fn sync(_cx: Context<'_>) -> Result<usize> {
    Ok(0)
}

fn sync_file(cx: &Context<'_>, fd: FileDesc, extent: Extent) -> Result<usize> {
    let file = cx.thread.file(fd)?;
    if file.status().contains(StatusFlags::O_PATH) {
        bail!(EBADF, "the file was opened with O_PATH");
    }
    file.sync(extent)?;
    Ok(0)
}

/// `fsync(2)`.
pub fn fsync(cx: Context<'_>, fd: FileDesc) -> Result<usize> {
    sync_file(&cx, fd, Extent::Everything)
}

/// `fdatasync(2)`.
pub fn fdatasync(cx: Context<'_>, fd: FileDesc) -> Result<usize> {
    sync_file(&cx, fd, Extent::Data)
}

/// `syncfs(2)`.
pub fn syncfs(cx: Context<'_>, fd: FileDesc) -> Result<usize> {
    cx.thread.file(fd)?;
    Ok(0)
}

/// `sync_file_range(2)`.
pub fn sync_file_range(cx: Context<'_>, fd: FileDesc, offset: i64, len: i64, flags: u32) -> Result<usize> {
    if flags & !7 != 0 || offset < 0 || len < 0 || offset.checked_add(len).is_none() {
        bail!(EINVAL, "undefined flags or a negative range");
    }
    let file = cx.thread.file(fd)?;
    match file.metadata()?.kind {
        FileType::Regular | FileType::Directory | FileType::BlockDevice => {
            sync_file(&cx, fd, Extent::Pages { offset, len, flags })
        }
        _ => Err(err!(ESPIPE, "not a file")),
    }
}

/// `fadvise64(2)`: advice that needs no action.
pub fn fadvise64(cx: Context<'_>, fd: FileDesc, _offset: i64, _len: u64, advice: u32) -> Result<usize> {
    let file = cx.thread.file(fd)?;
    if file.downcast_ref::<pipe::PipeFile>().is_some() {
        bail!(ESPIPE, "a pipe");
    }
    if advice > 5 {
        bail!(EINVAL, "undefined advice");
    }
    Ok(0)
}

/// `readahead(2)`: the host reads ahead by itself.
pub fn readahead(cx: Context<'_>, fd: FileDesc, _offset: i64, _count: usize) -> Result<usize> {
    let file = cx.thread.file(fd)?;
    if !file.status().can_read() {
        bail!(EBADF, "the file is not open for reading");
    }
    if file.metadata()?.kind != FileType::Regular {
        bail!(EINVAL, "not a regular file");
    }
    Ok(0)
}

/// `ftruncate(2)`.
pub fn ftruncate(cx: Context<'_>, fd: FileDesc, len: i64) -> Result<usize> {
    let len = u64::try_from(len).map_err(|_| err!(EINVAL, "the length is negative"))?;
    let file = cx.thread.file(fd)?;
    if file.status().contains(StatusFlags::O_PATH) {
        bail!(EBADF, "the file was opened with O_PATH");
    }
    if !file.status().can_write() || file.metadata()?.kind != FileType::Regular {
        bail!(EINVAL, "not a regular file, or not open for writing");
    }
    check_size(cx.thread, len)?;
    open::truncate(&*file, len)?;
    Ok(0)
}

/// `truncate(2)`.
pub fn truncate(cx: Context<'_>, path: UserPath, len: i64) -> Result<usize> {
    let path = path.read()?;
    let len = u64::try_from(len).map_err(|_| err!(EINVAL, "the length is negative"))?;
    let walk = Walk::new(cx.thread);
    let dentry = walk.resolve(cx.thread, DirDesc::Cwd, &path, super::AtFlags::empty())?;
    match dentry.inode().kind() {
        FileType::Directory => bail!(EISDIR, "a directory"),
        FileType::Regular => {}
        _ => bail!(EINVAL, "not a regular file"),
    }
    check_size(cx.thread, len)?;
    let file = open::open_at(cx.thread, DirDesc::Cwd, &path, StatusFlags::O_WRONLY, 0)?;
    open::truncate(&*file, len)?;
    Ok(0)
}

fn check_size(thread: &Arc<Thread>, len: u64) -> Result<()> {
    if len > thread.process.limits.lock().soft(Resource::FileSize) {
        crate::signal::raise(thread, crate::signal::Signal::SIGXFSZ);
        bail!(EFBIG, "the limit of file sizes is reached");
    }
    Ok(())
}

/// `fallocate(2)`.
pub fn fallocate(cx: Context<'_>, fd: FileDesc, mode: u32, offset: i64, len: i64) -> Result<usize> {
    const KNOWN: u32 = 0x7f;
    if offset < 0 || len <= 0 {
        bail!(EINVAL, "a negative offset or no length");
    }
    let file = cx.thread.file(fd)?;
    if mode & !KNOWN != 0 {
        bail!(EOPNOTSUPP, "undefined modes");
    }
    if !file.status().can_write() {
        bail!(EBADF, "the file is not open for writing");
    }
    let end = offset.checked_add(len).ok_or(err!(EFBIG, "beyond the largest offset"))? as u64;
    if mode & 1 == 0 {
        check_size(cx.thread, end)?;
    }
    file.allocate(mode, offset as u64, len as u64)?;
    Ok(0)
}
