//! OCalls about the host's files.

use crate::errno::{Errno, Error, Result};
use crate::host::{self, Until};
use crate::user::{Sink, Source, UserSlice};
use alloc::vec;
use alloc::vec::Vec;
use core::ffi::CStr;
use core::marker::PhantomData;
use core::time::Duration;
use linux_raw_sys::general as sys;
use linux_raw_sys::general::{
    __NR_close, __NR_dup, __NR_fallocate, __NR_fchmodat, __NR_fchownat, __NR_fcntl, __NR_fdatasync, __NR_fgetxattr,
    __NR_flock, __NR_fstatfs, __NR_fsync, __NR_ftruncate, __NR_getdents64, __NR_ioctl, __NR_linkat, __NR_lseek,
    __NR_mkdirat, __NR_mknodat, __NR_openat, __NR_openat2, __NR_ppoll, __NR_pread64, __NR_preadv, __NR_pwritev,
    __NR_readlinkat, __NR_readv, __NR_renameat2, __NR_statx, __NR_symlinkat, __NR_sync_file_range, __NR_unlinkat,
    __NR_utimensat, __NR_writev,
};

/// A descriptor of the host that the LibOS owns; closed on drop.
#[derive(Debug)]
pub struct HostFd(i32);

/// Descriptors that the host itself shows to its users (0, 1, 2) are left alone; the LibOS's own start here.
const FIRST_OWN_FD: usize = 64;

/// The longest read or write that Linux does at once (`man 2 read`).
pub const MAX_TRANSFER: usize = 0x7fff_f000;
/// The most pieces that one transfer may have (`IOV_MAX`).
const MAX_PIECES: usize = 1024;

impl HostFd {
    /// Takes over a descriptor that the launcher left open.
    pub const fn from_launcher(fd: i32) -> Self {
        Self(fd)
    }

    /// The descriptor's number on the host.
    pub const fn raw(&self) -> i32 {
        self.0
    }

    /// Another descriptor of the same open file.
    ///
    /// # Errors
    /// `EMFILE`.
    pub fn duplicate(&self) -> Result<Self> {
        // SAFETY: no effect on memory.
        owned(unsafe { host::call(__NR_dup, [self.0 as usize, 0, 0, 0, 0, 0]) })
    }
}

impl Drop for HostFd {
    fn drop(&mut self) {
        // SAFETY: the descriptor is ours.
        let _ = unsafe { host::call(__NR_close, [self.0 as usize, 0, 0, 0, 0, 0]) };
    }
}

/// Another descriptor of the same open file, out of the way of the low numbers.
pub(crate) fn duplicate_high(fd: i32) -> Result<i32> {
    // SAFETY: no effect on memory.
    let moved = unsafe { host::call(__NR_fcntl, [fd as usize, sys::F_DUPFD_CLOEXEC as usize, FIRST_OWN_FD, 0, 0, 0])? };
    Ok(moved as i32)
}

/// Moves a descriptor out of the way of the low numbers.
pub(crate) fn move_high(fd: i32) -> i32 {
    // SAFETY: no effect on memory; the old descriptor is ours.
    unsafe {
        let moved = host::raw(__NR_fcntl, [fd as usize, sys::F_DUPFD_CLOEXEC as usize, FIRST_OWN_FD, 0, 0, 0]);
        if moved < 0 {
            return fd;
        }
        host::raw(__NR_close, [fd as usize, 0, 0, 0, 0, 0]);
        moved as i32
    }
}

pub(super) fn owned(result: Result<usize>) -> Result<HostFd> {
    let fd = i32::try_from(result?).map_err(|_| Error::new(Errno::EIO, "the host gave no descriptor"))?;
    Ok(HostFd(fd))
}

/// Opens the directory at an absolute path of the host: what a mount starts from. Follows symbolic links.
///
/// # Errors
/// As `open(2)`.
pub fn open_root(path: &CStr) -> Result<HostFd> {
    open_how(sys::AT_FDCWD, path, sys::O_PATH | sys::O_CLOEXEC, 0, 0)
}

/// Opens a path below `dir`, which can't leave it, nor pass a symbolic link.
///
/// # Errors
/// As `openat2(2)`; `ELOOP` for a symbolic link.
pub fn open_beneath(dir: &HostFd, path: &CStr, flags: u32, mode: u32) -> Result<HostFd> {
    let resolve = sys::RESOLVE_BENEATH | sys::RESOLVE_NO_SYMLINKS | sys::RESOLVE_NO_MAGICLINKS;
    // Linux refuses other flags beside `O_PATH`.
    let no_terminal = if flags & sys::O_PATH == 0 { sys::O_NOCTTY } else { 0 };
    open_how(dir.0, path, flags | sys::O_CLOEXEC | no_terminal, mode, resolve)
}

/// Opens the entry `name` of a directory, which is no symbolic link: so it can't lead out of it, as a path can.
///
/// # Errors
/// As `open(2)`; `ELOOP` for a symbolic link, `EINVAL` for what isn't the name of an entry.
pub fn open_entry(dir: &HostFd, name: &CStr, flags: u32) -> Result<HostFd> {
    let bytes = name.to_bytes();
    if matches!(bytes, b"" | b"." | b"..") || bytes.contains(&b'/') {
        return Err(Error::new(Errno::EINVAL, "not the name of an entry"));
    }
    // Cheaper than `openat2`, which looks whether the directory was left.
    let flags = flags | sys::O_NOFOLLOW | sys::O_NONBLOCK | sys::O_NOCTTY | sys::O_CLOEXEC;
    let args = [dir.0 as usize, name.as_ptr() as usize, flags as usize, 0, 0, 0];
    // SAFETY: the host reads the name.
    owned(unsafe { host::call_at_rest(__NR_openat, args) })
}

/// Opens what an `O_PATH` descriptor stands for.
///
/// # Errors
/// As `open(2)`.
pub fn reopen(fd: &HostFd, flags: u32) -> Result<HostFd> {
    let path = alloc::format!("/proc/self/fd/{}\0", fd.0);
    let path = CStr::from_bytes_with_nul(path.as_bytes()).map_err(|_| Error::from(Errno::EINVAL))?;
    open_how(sys::AT_FDCWD, path, (flags & !sys::O_NOFOLLOW) | sys::O_CLOEXEC | sys::O_NOCTTY, 0, 0)
}

/// Opens a device or another special file of the host by its absolute path.
///
/// # Errors
/// As `open(2)`.
pub fn open_host(path: &CStr, flags: u32) -> Result<HostFd> {
    open_how(sys::AT_FDCWD, path, flags | sys::O_CLOEXEC | sys::O_NOCTTY, 0, 0)
}

/// Opens a file of the host's `/proc` for reading. Neither that nor reading it waits, so it's done whether the thread is
/// wanted or not.
pub fn open_proc(path: &CStr) -> Result<HostFd> {
    let flags = sys::O_RDONLY | sys::O_CLOEXEC | sys::O_NOCTTY;
    let args = [sys::AT_FDCWD as usize, path.as_ptr() as usize, flags as usize, 0, 0, 0];
    // SAFETY: the host reads the path.
    owned(unsafe { host::call(__NR_openat, args) })
}

/// Reads such a file from `offset` on; gives how much was read.
pub fn read_proc(fd: &HostFd, offset: u64, buffer: &mut [u8]) -> Result<usize> {
    let args = [fd.0 as usize, buffer.as_mut_ptr() as usize, buffer.len(), offset as usize, 0, 0];
    // SAFETY: the host writes at most the buffer's length.
    let count = unsafe { host::call_at_rest(__NR_pread64, args)? };
    transferred(count, buffer.len())
}

fn open_how(dir: i32, path: &CStr, flags: u32, mode: u32, resolve: u32) -> Result<HostFd> {
    // Those wait for nobody, as a FIFO's open does, so locks may be held.
    const AT_ONCE: u32 = sys::O_PATH | sys::O_NONBLOCK | sys::O_DIRECTORY | sys::O_EXCL;
    let how = [u64::from(flags), u64::from(mode), u64::from(resolve)];
    let args = [dir as usize, path.as_ptr() as usize, &raw const how as usize, 24, 0, 0];
    // SAFETY: the host reads the path and the `struct open_how`.
    owned(unsafe {
        if flags & AT_ONCE == 0 {
            host::call_blocking(__NR_openat2, args)
        } else {
            host::call_at_rest(__NR_openat2, args)
        }
    })
}

/// A file's attributes.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "the fields are those of `struct stat`")]
pub struct HostStat {
    pub dev: u64,
    pub ino: u64,
    /// Type and permissions.
    pub mode: u32,
    pub nlink: u32,
    pub uid: u32,
    pub gid: u32,
    pub rdev: u64,
    pub size: u64,
    pub blksize: u32,
    /// In units of 512 bytes.
    pub blocks: u64,
    /// Times since the epoch; before it they are negative.
    pub atime: HostTime,
    pub mtime: HostTime,
    pub ctime: HostTime,
    pub btime: HostTime,
}

/// Seconds and nanoseconds since the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostTime {
    /// Seconds.
    pub secs: i64,
    /// Nanoseconds, below 1,000,000,000.
    pub nanos: u32,
}

/// Attributes of `name` in `dir`, of a symbolic link itself; of `dir` for an empty name.
///
/// # Errors
/// As `statx(2)`.
pub fn stat(dir: &HostFd, name: &CStr) -> Result<HostStat> {
    // SAFETY: all-zero is a valid `struct statx`.
    let mut stat: sys::statx = unsafe { core::mem::zeroed() };
    let flags = sys::AT_SYMLINK_NOFOLLOW | sys::AT_EMPTY_PATH | sys::AT_NO_AUTOMOUNT;
    // SAFETY: the host reads the name and writes a `struct statx`.
    unsafe {
        host::call_at_rest(
            __NR_statx,
            [
                dir.0 as usize,
                name.as_ptr() as usize,
                flags as usize,
                (sys::STATX_BASIC_STATS | sys::STATX_BTIME) as usize,
                &raw mut stat as usize,
                0,
            ],
        )?;
    }
    let time = |time: sys::statx_timestamp| HostTime { secs: time.tv_sec, nanos: time.tv_nsec.min(999_999_999) };
    let device = |major: u32, minor: u32| {
        // glibc's and the kernel's encoding of a device number.
        let (major, minor) = (u64::from(major), u64::from(minor));
        (minor & 0xff) | (major & 0xfff) << 8 | (minor & !0xff) << 12 | (major & !0xfff) << 32
    };
    Ok(HostStat {
        dev: device(stat.stx_dev_major, stat.stx_dev_minor),
        ino: stat.stx_ino,
        mode: u32::from(stat.stx_mode),
        nlink: stat.stx_nlink,
        uid: stat.stx_uid,
        gid: stat.stx_gid,
        rdev: device(stat.stx_rdev_major, stat.stx_rdev_minor),
        size: stat.stx_size,
        blksize: stat.stx_blksize,
        blocks: stat.stx_blocks,
        atime: time(stat.stx_atime),
        mtime: time(stat.stx_mtime),
        ctime: time(stat.stx_ctime),
        btime: time(stat.stx_btime),
    })
}

/// Reads from the file's position on: pipes, terminals, devices. May sleep.
///
/// # Errors
/// `ERESTARTSYS` when the thread is wanted; what `readv(2)` gives.
pub fn read(fd: &HostFd, sink: &mut Sink<'_>) -> Result<usize> {
    // SAFETY: the pieces are program memory, or a buffer that the sink borrows.
    let issue = |nr, args| unsafe { host::call_blocking(nr, args) };
    let count = transfer([sys::__NR_read, __NR_readv], fd, sink.pieces(MAX_TRANSFER), 0, issue)?;
    let count = transferred(count, sink.remaining())?;
    sink.advance(count);
    Ok(count)
}

/// Reads from `offset` on.
///
/// # Errors
/// What `preadv(2)` gives.
pub fn read_at(fd: &HostFd, offset: u64, sink: &mut Sink<'_>) -> Result<usize> {
    // SAFETY: as in `read`.
    let issue = |nr, args| unsafe { host::call(nr, args) };
    let count = transfer([sys::__NR_pread64, __NR_preadv], fd, sink.pieces(MAX_TRANSFER), offset, issue)?;
    let count = transferred(count, sink.remaining())?;
    sink.advance(count);
    Ok(count)
}

/// Writes at the file's position: pipes, terminals, devices. May sleep.
///
/// # Errors
/// `ERESTARTSYS` when the thread is wanted; `EPIPE` without a signal; what `writev(2)` gives.
pub fn write(fd: &HostFd, source: &mut Source<'_>) -> Result<usize> {
    // SAFETY: the host only reads the pieces.
    let issue = |nr, args| unsafe { host::call_blocking(nr, args) };
    let count = transfer([sys::__NR_write, __NR_writev], fd, source.pieces(MAX_TRANSFER), 0, issue)?;
    let count = transferred(count, source.remaining())?;
    source.advance(count);
    Ok(count)
}

/// Writes all of a message of the LibOS itself (a log line), even if the thread is wanted meanwhile.
///
/// # Errors
/// What `write(2)` gives.
pub fn write_message(fd: &HostFd, mut message: &[u8]) -> Result<()> {
    while !message.is_empty() {
        // SAFETY: the host reads the message.
        let count =
            unsafe { host::call(sys::__NR_write, [fd.0 as usize, message.as_ptr() as usize, message.len(), 0, 0, 0])? };
        if transferred(count, message.len())? == 0 {
            return Err(Errno::EIO.into());
        }
        message = &message[count..];
    }
    Ok(())
}

/// Writes from `offset` on.
///
/// # Errors
/// What `pwritev(2)` gives.
pub fn write_at(fd: &HostFd, offset: u64, source: &mut Source<'_>) -> Result<usize> {
    // SAFETY: the host only reads the pieces.
    let issue = |nr, args| unsafe { host::call(nr, args) };
    let count = transfer([sys::__NR_pwrite64, __NR_pwritev], fd, source.pieces(MAX_TRANSFER), offset, issue)?;
    let count = transferred(count, source.remaining())?;
    source.advance(count);
    Ok(count)
}

/// Writes at the end of the file, wherever that is then.
///
/// # Errors
/// What `pwritev2(2)` gives.
pub fn append(fd: &HostFd, source: &mut Source<'_>) -> Result<usize> {
    const RWF_APPEND: usize = 0x10;
    let pieces = iovecs(source.pieces(MAX_TRANSFER));
    // SAFETY: the host only reads the pieces.
    let count = unsafe {
        host::call(
            sys::__NR_pwritev2,
            [fd.0 as usize, pieces.as_ptr() as usize, pieces.len(), usize::MAX, usize::MAX, RWF_APPEND],
        )?
    };
    let count = transferred(count, source.remaining())?;
    source.advance(count);
    Ok(count)
}

/// Issues the first of two host calls if there's one piece, as mostly, since that needs no list; else the second.
fn transfer(
    [single, vectored]: [u32; 2],
    fd: &HostFd,
    mut pieces: impl Iterator<Item = UserSlice>,
    offset: u64,
    issue: impl FnOnce(u32, [usize; 6]) -> Result<usize>,
) -> Result<usize> {
    let (first, second) = (pieces.next(), pieces.next());
    if second.is_none() {
        let (addr, len) = first.map_or((0, 0), |piece| (piece.addr(), piece.len()));
        return issue(single, [fd.0 as usize, addr, len, offset as usize, 0, 0]);
    }
    let list = iovecs(first.into_iter().chain(second).chain(pieces));
    issue(vectored, [fd.0 as usize, list.as_ptr() as usize, list.len(), offset as usize, 0, 0])
}

pub(super) fn iovecs(pieces: impl Iterator<Item = UserSlice>) -> Vec<[usize; 2]> {
    pieces.take(MAX_PIECES).map(|piece| [piece.addr(), piece.len()]).collect()
}

fn transferred(count: usize, asked: usize) -> Result<usize> {
    if count <= asked { Ok(count) } else { Err(Error::new(Errno::EIO, "the host moved more than was asked")) }
}

/// Where [`seek`] counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in `man 2 lseek`")]
pub enum Whence {
    Set = 0,
    Current = 1,
    End = 2,
    Data = 3,
    Hole = 4,
}

/// Moves the file's position.
///
/// # Errors
/// `ESPIPE`, `ENXIO`, `EINVAL` as `lseek(2)`.
pub fn seek(fd: &HostFd, offset: i64, whence: Whence) -> Result<u64> {
    // SAFETY: no effect on memory.
    Ok(unsafe { host::call_at_rest(__NR_lseek, [fd.0 as usize, offset as usize, whence as usize, 0, 0, 0])? } as u64)
}

/// An entry of a directory of the host.
#[derive(Clone, Debug)]
pub struct HostDirEntry {
    /// Inode number.
    pub ino: u64,
    /// `DT_*`.
    pub kind: u8,
    /// Name, without NUL or slash.
    pub name: Vec<u8>,
}

/// The entries of an open directory that weren't read yet, but for `.` and `..`.
///
/// # Errors
/// As `getdents64(2)`; `EIO` for an answer that makes no sense.
pub fn read_dir(fd: &HostFd) -> Result<Vec<HostDirEntry>> {
    const HEADER: usize = 19;
    let mut entries = Vec::new();
    let mut buffer = alloc::vec![0_u8; 32 * 1024];
    loop {
        // SAFETY: the host writes at most the buffer's length.
        let count = unsafe {
            host::call_at_rest(__NR_getdents64, [fd.0 as usize, buffer.as_mut_ptr() as usize, buffer.len(), 0, 0, 0])?
        };
        if count == 0 {
            return Ok(entries);
        }
        let mut rest = buffer.get(..count).ok_or(Errno::EIO)?;
        while !rest.is_empty() {
            let header = rest.get(..HEADER).ok_or(Errno::EIO)?;
            let len = usize::from(u16::from_le_bytes([header[16], header[17]]));
            let record = rest.get(..len).filter(|record| record.len() > HEADER).ok_or(Errno::EIO)?;
            let name = record[HEADER..].split(|&byte| byte == 0).next().unwrap_or_default();
            if name.is_empty() || name.contains(&b'/') {
                return Err(Error::new(Errno::EIO, "the host gave a directory entry without a name"));
            }
            if name != b"." && name != b".." {
                let mut ino = [0; 8];
                ino.copy_from_slice(&record[..8]);
                entries.push(HostDirEntry { ino: u64::from_le_bytes(ino), kind: record[18], name: name.to_vec() });
            }
            rest = &rest[len..];
        }
    }
}

/// The target of the symbolic link `name` in `dir`.
///
/// # Errors
/// As `readlinkat(2)`.
pub fn read_link(dir: &HostFd, name: &CStr) -> Result<Vec<u8>> {
    let mut buffer = alloc::vec![0_u8; sys::PATH_MAX as usize];
    // SAFETY: the host reads the name and writes at most the buffer's length.
    let len = unsafe {
        host::call_at_rest(
            __NR_readlinkat,
            [dir.0 as usize, name.as_ptr() as usize, buffer.as_mut_ptr() as usize, buffer.len(), 0, 0],
        )?
    };
    buffer.truncate(transferred(len, buffer.len())?);
    Ok(buffer)
}

/// Makes a directory.
///
/// # Errors
/// As `mkdirat(2)`.
pub fn make_dir(dir: &HostFd, name: &CStr, mode: u32) -> Result<()> {
    // SAFETY: the host reads the name.
    unsafe { host::call(__NR_mkdirat, [dir.0 as usize, name.as_ptr() as usize, mode as usize, 0, 0, 0])? };
    Ok(())
}

/// Makes a FIFO, socket or regular file.
///
/// # Errors
/// As `mknodat(2)`.
pub fn make_node(dir: &HostFd, name: &CStr, mode: u32) -> Result<()> {
    // SAFETY: the host reads the name.
    unsafe { host::call(__NR_mknodat, [dir.0 as usize, name.as_ptr() as usize, mode as usize, 0, 0, 0])? };
    Ok(())
}

/// Removes a file, or a directory with `AT_REMOVEDIR` in `flags`.
///
/// # Errors
/// As `unlinkat(2)`.
pub fn unlink(dir: &HostFd, name: &CStr, flags: u32) -> Result<()> {
    // SAFETY: the host reads the name.
    unsafe { host::call(__NR_unlinkat, [dir.0 as usize, name.as_ptr() as usize, flags as usize, 0, 0, 0])? };
    Ok(())
}

/// Renames; `flags` as for `renameat2(2)`.
///
/// # Errors
/// As `renameat2(2)`.
pub fn rename(old_dir: &HostFd, old: &CStr, new_dir: &HostFd, new: &CStr, flags: u32) -> Result<()> {
    // SAFETY: the host reads the names.
    unsafe {
        host::call(
            __NR_renameat2,
            [old_dir.0 as usize, old.as_ptr() as usize, new_dir.0 as usize, new.as_ptr() as usize, flags as usize, 0],
        )?;
    }
    Ok(())
}

/// Makes a hard link; never to the target of a symbolic link.
///
/// # Errors
/// As `linkat(2)`.
pub fn link(old_dir: &HostFd, old: &CStr, new_dir: &HostFd, new: &CStr) -> Result<()> {
    // SAFETY: the host reads the names.
    unsafe {
        host::call(
            __NR_linkat,
            [old_dir.0 as usize, old.as_ptr() as usize, new_dir.0 as usize, new.as_ptr() as usize, 0, 0],
        )?;
    }
    Ok(())
}

/// Makes a symbolic link.
///
/// # Errors
/// As `symlinkat(2)`.
pub fn symlink(target: &CStr, dir: &HostFd, name: &CStr) -> Result<()> {
    // SAFETY: the host reads both strings.
    unsafe {
        host::call(__NR_symlinkat, [target.as_ptr() as usize, dir.0 as usize, name.as_ptr() as usize, 0, 0, 0])?;
    }
    Ok(())
}

/// Changes the permissions of `name` in `dir`, which is no symbolic link.
///
/// # Errors
/// As `fchmodat(2)`.
pub fn chmod(dir: &HostFd, name: &CStr, mode: u32) -> Result<()> {
    // SAFETY: the host reads the name.
    unsafe { host::call(__NR_fchmodat, [dir.0 as usize, name.as_ptr() as usize, mode as usize, 0, 0, 0])? };
    Ok(())
}

/// Changes the owner of `name` in `dir`, of a symbolic link itself; `u32::MAX` leaves an id as it is.
///
/// # Errors
/// As `fchownat(2)`.
pub fn chown(dir: &HostFd, name: &CStr, uid: u32, gid: u32) -> Result<()> {
    let flags = sys::AT_SYMLINK_NOFOLLOW | sys::AT_EMPTY_PATH;
    // SAFETY: the host reads the name.
    unsafe {
        host::call(
            __NR_fchownat,
            [dir.0 as usize, name.as_ptr() as usize, uid as usize, gid as usize, flags as usize, 0],
        )?;
    }
    Ok(())
}

/// Sets access and modification time of `name` in `dir`, of a symbolic link itself; `None` leaves one as it is.
///
/// # Errors
/// As `utimensat(2)`.
pub fn set_times(dir: &HostFd, name: &CStr, atime: Option<HostTime>, mtime: Option<HostTime>) -> Result<()> {
    let host = |time: Option<HostTime>| match time {
        Some(time) => [time.secs, i64::from(time.nanos)],
        None => [0, i64::from(sys::UTIME_OMIT)],
    };
    let times = [host(atime), host(mtime)];
    let flags = sys::AT_SYMLINK_NOFOLLOW | sys::AT_EMPTY_PATH;
    // SAFETY: the host reads the name and two `struct timespec`.
    unsafe {
        host::call(
            __NR_utimensat,
            [dir.0 as usize, name.as_ptr() as usize, &raw const times as usize, flags as usize, 0, 0],
        )?;
    }
    Ok(())
}

/// Sets the length of an open file in bytes.
///
/// # Errors
/// As `ftruncate(2)`.
pub fn truncate(fd: &HostFd, len: u64) -> Result<()> {
    // SAFETY: no effect on the LibOS's memory.
    unsafe { host::call(__NR_ftruncate, [fd.0 as usize, len as usize, 0, 0, 0, 0])? };
    Ok(())
}

/// Allocates or frees room in an open file; `mode` as for `fallocate(2)`.
///
/// # Errors
/// As `fallocate(2)`.
pub fn allocate(fd: &HostFd, mode: u32, offset: u64, len: u64) -> Result<()> {
    // SAFETY: no effect on the LibOS's memory.
    unsafe { host::call(__NR_fallocate, [fd.0 as usize, mode as usize, offset as usize, len as usize, 0, 0])? };
    Ok(())
}

/// What of a file is written to its disk.
#[derive(Clone, Copy, Debug)]
pub enum Extent {
    /// Contents and attributes.
    Everything,
    /// Contents, and the attributes that are needed to read them.
    Data,
    /// Pages of the contents, as `sync_file_range(2)` says; nothing that a crash wouldn't lose.
    Pages {
        /// The first byte.
        offset: i64,
        /// How many; all to the end if there are none.
        len: i64,
        /// `SYNC_FILE_RANGE_*`.
        flags: u32,
    },
}

/// Writes an open file to its disk.
///
/// # Errors
/// `EIO`, `ENOSPC`, `EROFS`, `EINVAL` as `fsync(2)` and `sync_file_range(2)`.
pub fn sync(fd: &HostFd, extent: Extent) -> Result<()> {
    let fd = fd.0 as usize;
    let (nr, args) = match extent {
        Extent::Everything => (__NR_fsync, [fd, 0, 0, 0, 0, 0]),
        Extent::Data => (__NR_fdatasync, [fd, 0, 0, 0, 0, 0]),
        Extent::Pages { offset, len, flags } => {
            (__NR_sync_file_range, [fd, offset as usize, len as usize, flags as usize, 0, 0])
        }
    };
    // SAFETY: no effect on memory.
    unsafe { host::call_blocking(nr, args)? };
    Ok(())
}

/// Locks an open file against other host processes (`flock(2)`).
///
/// # Errors
/// `EWOULDBLOCK`, `ERESTARTSYS`.
pub fn lock(fd: &HostFd, operation: u32) -> Result<()> {
    // SAFETY: no effect on memory.
    unsafe { host::call_blocking(__NR_flock, [fd.0 as usize, operation as usize, 0, 0, 0, 0])? };
    Ok(())
}

/// The host's `struct statfs`, as words: type, block size, blocks, free, available, files, free files, fsid, name
/// length, fragment size, flags.
pub fn statfs(fd: &HostFd) -> Result<[u64; 11]> {
    let mut stat = [0_u64; 15];
    // SAFETY: the host writes a `struct statfs` of 120 bytes.
    unsafe { host::call_at_rest(__NR_fstatfs, [fd.0 as usize, &raw mut stat as usize, 0, 0, 0, 0])? };
    let mut words = [0; 11];
    words.copy_from_slice(&stat[..11]);
    Ok(words)
}

/// The file's `security.capability` attribute.
///
/// # Errors
/// `ENODATA` if it has none, `EOPNOTSUPP`, `ERANGE` if it's longer than Linux's longest.
pub fn capabilities(fd: &HostFd) -> Result<Vec<u8>> {
    /// Size of `struct vfs_ns_cap_data`.
    const LONGEST: usize = 24;
    let mut value = vec![0_u8; LONGEST];
    let name = c"security.capability".as_ptr() as usize;
    // SAFETY: the host reads the name, and writes at most the value's length.
    let len = unsafe {
        host::call_at_rest(__NR_fgetxattr, [fd.0 as usize, name, value.as_mut_ptr() as usize, LONGEST, 0, 0])?
    };
    value.truncate(len);
    Ok(value)
}

/// An `ioctl` whose argument is a structure of exactly `argument.len()` bytes, read or written by the host.
///
/// # Errors
/// `ENOTTY`, `EINVAL` and what the request gives.
pub fn ioctl(fd: &HostFd, request: TerminalRequest, argument: &mut [u8]) -> Result<usize> {
    if argument.len() < request.argument_len() {
        return Err(Errno::EINVAL.into());
    }
    // SAFETY: the request reads or writes no more than its argument's length, which was checked.
    unsafe {
        host::call_blocking(__NR_ioctl, [fd.0 as usize, request as usize, argument.as_mut_ptr() as usize, 0, 0, 0])
    }
}

/// The requests that may be made of a terminal or pipe of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[expect(missing_docs, reason = "named as in `man 2 ioctl_tty`")]
pub enum TerminalRequest {
    GetAttributes = 0x5401,
    SetAttributes = 0x5402,
    SetAttributesDrain = 0x5403,
    SetAttributesFlush = 0x5404,
    GetWindowSize = 0x5413,
    SetWindowSize = 0x5414,
    BytesReadable = 0x541b,
    BytesToWrite = 0x5411,
}

impl TerminalRequest {
    /// Bytes of the structure that the request reads or writes.
    pub const fn argument_len(self) -> usize {
        match self {
            Self::GetAttributes | Self::SetAttributes | Self::SetAttributesDrain | Self::SetAttributesFlush => 36,
            Self::GetWindowSize | Self::SetWindowSize => 8,
            Self::BytesReadable | Self::BytesToWrite => 4,
        }
    }

    /// Whether the host reads the structure; else it writes it.
    pub const fn reads_argument(self) -> bool {
        matches!(self, Self::SetAttributes | Self::SetAttributesDrain | Self::SetAttributesFlush | Self::SetWindowSize)
    }
}

/// Flushes a terminal's queues or waits for its output (`TCFLSH`, `TCSBRK`), whose argument is a number.
///
/// # Errors
/// `ENOTTY`, `ERESTARTSYS`.
pub fn terminal_control(fd: &HostFd, request: u32, argument: u32) -> Result<()> {
    if !matches!(request, 0x5409 | 0x540a | 0x540b | 0x5425) {
        return Err(Errno::ENOTTY.into());
    }
    // SAFETY: these requests take a number, no pointer.
    unsafe {
        host::call_blocking(__NR_ioctl, [fd.0 as usize, request as usize, argument as usize, 0, 0, 0])?;
    }
    Ok(())
}

/// The host's status flags of an open file (`F_GETFL`).
///
/// # Errors
/// `EBADF`.
pub fn status_flags(fd: &HostFd) -> Result<u32> {
    // SAFETY: no effect on memory.
    Ok(unsafe { host::call(__NR_fcntl, [fd.0 as usize, sys::F_GETFL as usize, 0, 0, 0, 0])? } as u32)
}

/// Sets the host's status flags of an open file (`F_SETFL`).
///
/// # Errors
/// `EBADF`, `EINVAL`.
pub fn set_status_flags(fd: &HostFd, flags: u32) -> Result<()> {
    // SAFETY: no effect on memory.
    unsafe { host::call(__NR_fcntl, [fd.0 as usize, sys::F_SETFL as usize, flags as usize, 0, 0, 0])? };
    Ok(())
}

/// What each of `fds` is ready for now stands in it then, as for `poll(2)`. Gives how many are ready for something.
///
/// # Errors
/// `ENOMEM`, `EINVAL` beyond the host's limit of descriptors.
pub fn poll_now(fds: &mut [PollFd<'_>]) -> Result<usize> {
    // SAFETY: the host writes within the array, and may update the timeout, which is ours. It doesn't wait.
    poll_by(fds, Some(Duration::ZERO), |args| unsafe { host::call(__NR_ppoll, args) })
}

/// As [`poll_now`], but waits until one of `fds` has one of the events asked for; gives 0 when the time has passed.
///
/// # Errors
/// `EINTR` when the word has changed, or for no reason; as for [`poll_now`].
pub(crate) fn poll_until(fds: &mut [PollFd<'_>], until: Until<'_>) -> Result<usize> {
    // SAFETY: as above.
    poll_by(fds, until.timeout, |args| unsafe { host::call_sleeping(__NR_ppoll, args, Some(until.word)) })
}

fn poll_by(
    fds: &mut [PollFd<'_>],
    timeout: Option<Duration>,
    ask: impl FnOnce([usize; 6]) -> Result<usize>,
) -> Result<usize> {
    let mut timeout = timeout.map(timespec);
    let timeout = timeout.as_mut().map_or(0, |timeout| core::ptr::from_mut(timeout) as usize);
    ask([fds.as_mut_ptr() as usize, fds.len(), timeout, 0, 8, 0])?;
    let mut count = 0;
    for fd in fds {
        // Error and hang-up come unasked; anything else that wasn't asked for makes no sense.
        let ready = fd.ready & (fd.events | 0x38);
        if ready != fd.ready {
            log::warn!("the host tells of events that nobody asked for ({:#x})", fd.ready);
        }
        fd.ready = ready;
        count += usize::from(ready != 0);
    }
    Ok(count)
}

/// The host's `struct timespec`.
pub(super) fn timespec(time: Duration) -> [i64; 2] {
    [i64::try_from(time.as_secs()).unwrap_or(i64::MAX), i64::from(time.subsec_nanos())]
}

/// A descriptor to wait for: the host's `struct pollfd`.
#[derive(Debug)]
#[repr(C)]
pub struct PollFd<'a> {
    fd: i32,
    events: i16,
    ready: i16,
    _open: PhantomData<&'a HostFd>,
}

impl<'a> PollFd<'a> {
    /// A descriptor that is waited for to have one of these events, `POLL*`.
    pub fn new(fd: &'a HostFd, events: i16) -> Self {
        Self { fd: fd.raw(), events, ready: 0, _open: PhantomData }
    }

    /// The events that were found.
    pub fn ready(&self) -> i16 {
        self.ready
    }
}
