//! What a name stands for: a file, directory, link or device of a file system.

use super::file::StatusFlags;
use crate::mm::MapSource;
use crate::prelude::*;
use core::any::Any;
use core::time::Duration;
use frame::ocall::file::{Extent, HostTime, Whence};
use frame::ocall::mem::Prot;
use frame::ocall::time::{Clock, now};

/// Seconds and nanoseconds since the epoch.
pub type Time = HostTime;

/// The type of a file (`S_IFMT`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[expect(missing_docs, reason = "named as in `man 7 inode`")]
pub enum FileType {
    /// None of those below: files that lie in no file system.
    Anonymous = 0,
    Fifo = 0o01,
    CharDevice = 0o02,
    Directory = 0o04,
    BlockDevice = 0o06,
    Regular = 0o10,
    Symlink = 0o12,
    Socket = 0o14,
}

impl FileType {
    /// The type in the bits of a mode.
    pub const fn from_mode(mode: u32) -> Option<Self> {
        Some(match mode >> 12 & 0o17 {
            0o01 => Self::Fifo,
            0o02 => Self::CharDevice,
            0o04 => Self::Directory,
            0o06 => Self::BlockDevice,
            0o10 => Self::Regular,
            0o12 => Self::Symlink,
            0o14 => Self::Socket,
            _ => return None,
        })
    }

    /// Its bits in a mode.
    pub const fn mode_bits(self) -> u32 {
        (self as u32) << 12
    }

    /// Its number in a directory entry (`DT_*`), which is the same number.
    pub const fn dirent_type(self) -> u8 {
        self as u8
    }
}

/// A file's attributes (`man 7 inode`).
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are those of `struct stat`")]
pub struct Metadata {
    pub dev: u64,
    pub ino: u64,
    pub kind: FileType,
    /// Permissions, set-id and sticky bits.
    pub mode: u32,
    pub nlink: u32,
    pub uid: u32,
    pub gid: u32,
    pub rdev: u64,
    pub size: u64,
    pub blksize: u32,
    /// In units of 512 bytes.
    pub blocks: u64,
    pub atime: Time,
    pub mtime: Time,
    pub ctime: Time,
    pub btime: Time,
}

/// What changes when a file's contents do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    dev_ino: [u64; 2],
    size: u64,
    mtime: Time,
    ctime: Time,
}

impl Version {
    /// That of a file with these attributes.
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            dev_ino: [metadata.dev, metadata.ino],
            size: metadata.size,
            mtime: metadata.mtime,
            ctime: metadata.ctime,
        }
    }

    /// Device and inode number.
    pub fn dev_ino(&self) -> (u64, u64) {
        (self.dev_ino[0], self.dev_ino[1])
    }

    /// Whether other contents from now on will have another version: a file that changed lately may change again without a
    /// difference in its times. To be asked after the version was found and before the contents are read.
    pub fn is_settled(&self) -> bool {
        let now = now(Clock::RealtimeCoarse);
        [self.mtime, self.ctime].into_iter().all(|time| is_settled(time, now))
    }
}

/// Whether a file that changes at `now` gets another time than this one.
fn is_settled(time: Time, now: Duration) -> bool {
    /// Linux takes time stamps from the clock that `now` is, whose ticks are at most 10 ms long. This is a few of them, for
    /// servers' clocks.
    const AGE: Duration = Duration::from_millis(50);
    /// The coarsest time stamps that there are, FAT's, count in twos of seconds.
    const AGE_OF_COARSE: Duration = Duration::from_secs(2);
    /// Coarse time stamps are multiples of seconds, or of this (FAT's time of creation).
    const COARSE_NS: u32 = 10_000_000;
    let Ok(secs) = u64::try_from(time.secs) else { return true };
    let age = if time.nanos.is_multiple_of(COARSE_NS) { AGE_OF_COARSE } else { AGE };
    Duration::new(secs, time.nanos).saturating_add(age) < now
}

/// Which attributes are to change; `None` leaves one as it is.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "the fields are those of `struct stat`")]
pub struct SetAttributes {
    pub mode: Option<u32>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub atime: Option<Time>,
    pub mtime: Option<Time>,
}

/// What is to be created.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named as the file types")]
pub enum NewNode {
    Regular,
    Directory,
    Symlink(Vec<u8>),
    /// FIFO, socket or device, with its device number.
    Special(FileType, u64),
}

/// An entry of a directory.
#[derive(Clone, Debug)]
pub struct DirEntry {
    /// Its name.
    pub name: Vec<u8>,
    /// Its inode number.
    pub ino: u64,
    /// Its type.
    pub kind: FileType,
}

/// How `renameat2` treats what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenameFlags {
    /// The target is replaced.
    Replace,
    /// The target must not exist.
    NoReplace,
    /// Both change places.
    Exchange,
}

/// What a name stands for.
///
/// Names passed to methods are single components, never `.` or `..`; permissions were checked by the caller.
pub trait Inode: Any + Send + Sync {
    /// Its attributes.
    fn metadata(&self) -> Result<Metadata>;

    /// Its type, which never changes.
    fn kind(&self) -> FileType;

    /// Attributes for permission checks; may be a little old.
    fn access_metadata(&self) -> Result<Metadata> {
        self.metadata()
    }

    /// How long a name for it may be used without asking again, in nanoseconds; 0 for never.
    fn entry_timeout_ns(&self) -> u64 {
        u64::MAX
    }

    /// After [`entry_timeout_ns`](Self::entry_timeout_ns): whether its name still stands for it.
    fn revalidate(&self) -> bool {
        true
    }

    /// Who writes or runs it, if it's a file that can be both.
    fn write_count(&self) -> Option<&super::WriteCount> {
        None
    }

    /// Opens it for reading and writing its contents.
    fn open(self: Arc<Self>, flags: StatusFlags) -> Result<Arc<dyn Handle>>;

    /// The entry `name` of a directory.
    fn lookup(&self, name: &[u8]) -> Result<Arc<dyn Inode>> {
        let _ = name;
        Err(Errno::ENOTDIR.into())
    }

    /// All entries of a directory but `.` and `..`.
    fn read_dir(&self) -> Result<Vec<DirEntry>> {
        Err(Errno::ENOTDIR.into())
    }

    /// Makes a new entry of a directory.
    fn create(&self, name: &[u8], node: NewNode, mode: u32, owner: [u32; 2]) -> Result<Arc<dyn Inode>> {
        let _ = (name, node, mode, owner);
        Err(Errno::EPERM.into())
    }

    /// A regular file without a name (`O_TMPFILE`).
    fn create_unnamed(&self, mode: u32, owner: [u32; 2]) -> Result<Arc<dyn Inode>> {
        let _ = (mode, owner);
        Err(Errno::EOPNOTSUPP.into())
    }

    /// Makes another name for `inode`, which is of the same file system.
    fn link(&self, name: &[u8], inode: &Arc<dyn Inode>) -> Result<()> {
        let _ = (name, inode);
        Err(Errno::EPERM.into())
    }

    /// Removes an entry that is no directory.
    fn unlink(&self, name: &[u8]) -> Result<()> {
        let _ = name;
        Err(Errno::EPERM.into())
    }

    /// Removes an entry that is an empty directory.
    fn rmdir(&self, name: &[u8]) -> Result<()> {
        let _ = name;
        Err(Errno::EPERM.into())
    }

    /// Moves an entry to another directory of the same file system.
    fn rename(&self, name: &[u8], new_dir: &Arc<dyn Inode>, new_name: &[u8], flags: RenameFlags) -> Result<()> {
        let _ = (name, new_dir, new_name, flags);
        Err(Errno::EPERM.into())
    }

    /// Notes that it was moved, since it is known by its place.
    fn moved(&self, new_dir: &Arc<dyn Inode>, new_name: &[u8]) {
        let _ = (new_dir, new_name);
    }

    /// The target of a symbolic link.
    fn read_link(&self) -> Result<Vec<u8>> {
        Err(Errno::EINVAL.into())
    }

    /// Where a magic link of `/proc` leads, which needs no path.
    fn follow(&self) -> Option<Result<Arc<super::Dentry>>> {
        None
    }

    /// Changes attributes.
    fn set_attributes(&self, set: SetAttributes) -> Result<()> {
        let _ = set;
        Err(Errno::EPERM.into())
    }

    /// What tells its file system from others.
    fn file_system_id(&self) -> u64;

    /// Numbers about its file system (`man 2 statfs`), as the words of `struct statfs`.
    fn statfs(&self) -> Result<[u64; 11]> {
        const TMPFS_MAGIC: u64 = 0x0102_1994;
        Ok([TMPFS_MAGIC, 4096, 0, 0, 0, 0, 0, 0, 255, 4096, 0])
    }

    /// Whether its file system refuses all changes.
    fn is_read_only(&self) -> bool {
        false
    }

    /// Extended attribute `name`.
    fn xattr(&self, name: &[u8]) -> Result<Vec<u8>> {
        let _ = name;
        Err(Errno::EOPNOTSUPP.into())
    }

    /// Sets extended attribute `name`, or removes it.
    fn set_xattr(&self, name: &[u8], value: Option<&[u8]>, flags: u32) -> Result<()> {
        let _ = (name, value, flags);
        Err(Errno::EOPNOTSUPP.into())
    }

    /// The names of all extended attributes.
    fn list_xattrs(&self) -> Result<Vec<Vec<u8>>> {
        Ok(Vec::new())
    }
}

/// The extended attribute that holds a file's capabilities (`man 7 capabilities`).
pub(super) const CAPABILITY_XATTR: &[u8] = b"security.capability";

/// An opened inode: its contents.
pub trait Handle: Any + Send + Sync {
    /// Reads from `offset` on.
    fn read_at(&self, offset: u64, sink: &mut Sink<'_>) -> Result<usize>;

    /// Writes from `offset` on.
    fn write_at(&self, offset: u64, source: &mut Source<'_>) -> Result<usize>;

    /// Writes at the end; gives the bytes written and the end then.
    fn append(&self, source: &mut Source<'_>) -> Result<(usize, u64)>;

    /// Attributes of the opened inode, also when it has no name any more; `None` to ask the inode.
    fn metadata(&self) -> Option<Result<Metadata>> {
        None
    }

    /// Capabilities of the opened inode, as [`CAPABILITY_XATTR`] has them; `None` to ask the inode.
    fn capabilities(&self) -> Option<Result<Vec<u8>>> {
        None
    }

    /// Sets the length.
    fn truncate(&self, len: u64) -> Result<()> {
        let _ = len;
        Err(Errno::EINVAL.into())
    }

    /// Allocates or frees room (`man 2 fallocate`).
    fn allocate(&self, mode: u32, offset: u64, len: u64) -> Result<()> {
        let _ = (mode, offset, len);
        Err(Errno::EOPNOTSUPP.into())
    }

    /// Writes to the disk.
    fn sync(&self, extent: Extent) -> Result<()> {
        let _ = extent;
        Ok(())
    }

    /// The length that `SEEK_END` counts from.
    fn end(&self) -> Result<u64>;

    /// Finds data or holes.
    fn seek_data(&self, offset: u64, whence: Whence) -> Result<u64> {
        let end = self.end()?;
        if offset >= end {
            bail!(ENXIO, "beyond the end of the file");
        }
        Ok(if whence == Whence::Hole { end } else { offset })
    }

    /// The contents as something to map.
    fn map_source(self: Arc<Self>, path: Vec<u8>, prot: Prot, access: MapAccess) -> Result<Arc<dyn MapSource>> {
        let _ = (path, prot, access);
        Err(Errno::ENODEV.into())
    }

    /// Its seals, if it's a file of a kind that has some.
    fn seals(&self) -> Option<&super::memory::Seals> {
        None
    }

    /// Whether programs have pages of the LibOS mapped that hold the contents.
    fn is_mapped_from_memory(&self) -> bool {
        false
    }

    /// An open file of its own in place of one at an inode: devices, FIFOs.
    fn into_file(self: Arc<Self>, flags: StatusFlags) -> Option<Result<Arc<dyn super::File>>> {
        let _ = flags;
        None
    }
}

/// How a mapping may change a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapAccess {
    /// Not at all: changes are private.
    Private,
    /// Not at all: the file wasn't opened for writing.
    SharedReadOnly,
    /// It may, now or after `mprotect`.
    SharedWritable,
}

/// The present time, as file times have it.
pub(crate) fn current_time() -> Time {
    let now = now(Clock::RealtimeCoarse);
    Time { secs: now.as_secs() as i64, nanos: now.subsec_nanos() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::new(1_000_000, 123_456_789);

    fn is_settled_after(age: Duration, nanos: u32) -> bool {
        let then = NOW.saturating_sub(age);
        // The latest time with these nanoseconds that is as old as that.
        let secs = then.as_secs() as i64 - i64::from(nanos > then.subsec_nanos());
        is_settled(Time { secs, nanos }, NOW)
    }

    #[test]
    fn fine_times_are_settled_after_some_ticks() {
        assert!(!is_settled_after(Duration::ZERO, 123_456_789));
        assert!(!is_settled_after(Duration::from_millis(50), 73_456_789));
        assert!(is_settled_after(Duration::from_millis(51), 72_456_789));
    }

    #[test]
    fn coarse_times_are_settled_after_two_seconds() {
        for nanos in [0, 120_000_000] {
            assert!(!is_settled_after(Duration::from_secs(1), nanos));
            assert!(is_settled_after(Duration::from_secs(2), nanos));
        }
    }

    #[test]
    fn times_to_come_are_not_settled_and_those_before_the_epoch_are() {
        assert!(!is_settled(Time { secs: 2_000_000, nanos: 1 }, NOW));
        assert!(!is_settled(Time { secs: i64::MAX, nanos: 0 }, NOW));
        assert!(is_settled(Time { secs: -1, nanos: 0 }, NOW));
    }
}
