//! Names in directories of the host.

use super::directory::DirFd;
use super::handle::HostHandle;
use crate::fs::WriteCount;
use crate::fs::file::StatusFlags;
use crate::fs::inode::{
    CAPABILITY_XATTR, DirEntry, FileType, Handle, Inode, Metadata, NewNode, RenameFlags, SetAttributes,
};
use crate::prelude::*;
use alloc::ffi::CString;
use core::any::Any;
use core::ffi::CStr;
use core::sync::atomic::{AtomicU64, Ordering};
use frame::ocall::file::{self, HostFd, HostStat, HostTime};
use frame::ocall::time::{Clock, now};
use linux_raw_sys::general::{
    AT_REMOVEDIR, DT_BLK, DT_CHR, DT_DIR, DT_FIFO, DT_LNK, DT_SOCK, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW,
    O_NONBLOCK, O_PATH, O_RDONLY, O_RDWR, O_WRONLY, RENAME_EXCHANGE, RENAME_NOREPLACE, S_ISGID, S_ISUID,
};

/// A directory tree of the host, or a single file.
pub struct HostFs {
    id: u64,
    root: HostFd,
    access: config::Access,
}

/// A name in a directory of the host.
pub struct HostInode {
    fs: Arc<HostFs>,
    this: Weak<Self>,
    place: Mutex<Arc<Place>>,
    kind: FileType,
    dir_fd: DirFd,
    /// Attributes as of the last look.
    seen: Mutex<HostStat>,
    /// When a lookup saw them that nobody has used yet, on the coarse monotonic clock in nanoseconds; else 0.
    unused_since: AtomicU64,
    /// Where a symbolic link leads, and when its inode was last changed then.
    link: Mutex<Option<(HostTime, Vec<u8>)>>,
    writers: WriteCount,
}

struct Place {
    /// `None` for the root of the tree.
    parent: Option<Arc<HostInode>>,
    name: CString,
}

/// How long the attributes that a lookup saw may answer the call that looked.
const LOOKUP_LIFETIME_NS: u64 = 5_000_000;

/// How long a name is believed to stand for what it stood for.
const ENTRY_TIMEOUT_NS: u64 = 1_000_000_000;

impl HostFs {
    /// The tree or file at an absolute path of the host; its root inode.
    ///
    /// # Errors
    /// As `open(2)`.
    pub fn open(path: &[u8], access: config::Access) -> Result<Arc<HostInode>> {
        static NEXT: AtomicU64 = AtomicU64::new(0x1000);
        let path = c_string(path)?;
        let root = file::open_root(&path)?;
        let stat = file::stat(&root, c"")?;
        let fs = Arc::new(Self { id: NEXT.fetch_add(1, Ordering::Relaxed), root, access });
        HostInode::new(fs, Place { parent: None, name: CString::default() }, stat)
    }

    fn is_read_only(&self) -> bool {
        self.access == config::Access::ReadOnly
    }
}

impl HostInode {
    fn new(fs: Arc<HostFs>, place: Place, stat: HostStat) -> Result<Arc<Self>> {
        let kind = FileType::from_mode(stat.mode).ok_or(err!(EIO, "the host gave an unknown file type"))?;
        Ok(Arc::new_cyclic(|this| Self {
            fs,
            this: this.clone(),
            place: Mutex::new(Arc::new(place)),
            kind,
            dir_fd: DirFd::default(),
            seen: Mutex::new(stat),
            unused_since: AtomicU64::new(coarse_ns()),
            link: Mutex::new(None),
            writers: WriteCount::default(),
        }))
    }

    pub(super) fn close_directory(&self) {
        self.dir_fd.close();
    }

    fn place(&self) -> Arc<Place> {
        self.place.lock().clone()
    }

    /// Calls `work` with the descriptor of the directory that it's in, and its name there.
    fn at<R>(&self, work: impl FnOnce(&HostFd, &CStr) -> Result<R>) -> Result<R> {
        let place = self.place();
        match &place.parent {
            None => work(&self.fs.root, c""),
            Some(parent) => work(&*parent.directory()?, &place.name),
        }
    }

    /// The descriptor of this directory.
    fn directory(&self) -> Result<Arc<HostFd>> {
        self.dir_fd.get_or_open(&self.this, || self.open_beneath(O_PATH | O_DIRECTORY, 0))
    }

    /// Opens it by its path from the root of the tree, in which no symbolic link may have crept meanwhile.
    fn open_beneath(&self, flags: u32, mode: u32) -> Result<HostFd> {
        let mut places = vec![self.place()];
        while let Some(parent) = places.last().and_then(|place| place.parent.clone()) {
            places.push(parent.place());
        }
        let mut path = Vec::new();
        for place in places.iter().rev().filter(|place| place.parent.is_some()) {
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(place.name.as_bytes());
        }
        if path.is_empty() {
            path.push(b'.');
            if self.kind != FileType::Directory {
                return file::reopen(&self.fs.root, flags);
            }
        }
        file::open_beneath(&self.fs.root, &c_string(&path)?, flags, mode)
    }

    fn stat(&self) -> Result<HostStat> {
        let unused_since = self.unused_since.swap(0, Ordering::Relaxed);
        if unused_since != 0 && coarse_ns() - unused_since < LOOKUP_LIFETIME_NS {
            return Ok(*self.seen.lock());
        }
        let stat = self.at(file::stat)?;
        *self.seen.lock() = stat;
        Ok(stat)
    }

    /// Gives a new file to the program's user and group, where the host lets the LibOS give files away.
    fn give(&self, [uid, gid]: [u32; 2], group_is_its_directorys: bool) -> Result<()> {
        let made = *self.seen.lock();
        let gid = if group_is_its_directorys { made.gid } else { gid };
        if [made.uid, made.gid] == [uid, gid] || self.at(|dir, name| file::chown(dir, name, uid, gid)).is_err() {
            return Ok(());
        }
        if made.mode & (S_ISUID | S_ISGID) != 0 && self.kind == FileType::Regular {
            // The host took these with the owner.
            self.at(|dir, name| file::chmod(dir, name, made.mode & 0o7777))?;
        }
        self.look_again()
    }

    /// Sees what has become of it by a change of the LibOS's own.
    fn look_again(&self) -> Result<()> {
        self.changes();
        self.stat().map(drop)
    }

    fn writable_directory(&self) -> Result<Arc<HostFd>> {
        if self.fs.is_read_only() {
            bail!(EROFS, "the volume is read-only");
        }
        self.changes();
        self.directory()
    }

    /// What a lookup saw is no longer so.
    fn changes(&self) {
        self.unused_since.store(0, Ordering::Relaxed);
    }

    fn new_child(&self, name: &CStr) -> Result<Arc<Self>> {
        let stat = file::stat(&*self.directory()?, name)?;
        let parent = self.this.upgrade();
        Self::new(self.fs.clone(), Place { parent, name: name.into() }, stat)
    }
}

fn coarse_ns() -> u64 {
    now(Clock::MonotonicCoarse).as_nanos() as u64
}

impl Drop for HostInode {
    /// One after the other, since a recursion as deep as the directories would overflow the stack.
    fn drop(&mut self) {
        let parent_of = |inode: &mut Self| Arc::get_mut(inode.place.get_mut()).and_then(|place| place.parent.take());
        let mut parent = parent_of(self);
        while let Some(mut inode) = parent.and_then(Arc::into_inner) {
            parent = parent_of(&mut inode);
        }
    }
}

/// A name for the host, which has no NUL in it.
fn c_string(name: &[u8]) -> Result<CString> {
    CString::new(name).map_err(|_| err!(EINVAL, "a name with a NUL"))
}

pub(super) fn metadata(stat: &HostStat) -> Result<Metadata> {
    Ok(Metadata {
        dev: stat.dev,
        ino: stat.ino,
        kind: FileType::from_mode(stat.mode).ok_or(err!(EIO, "the host gave an unknown file type"))?,
        mode: stat.mode & 0o7777,
        nlink: stat.nlink,
        uid: stat.uid,
        gid: stat.gid,
        rdev: stat.rdev,
        size: stat.size,
        blksize: stat.blksize,
        blocks: stat.blocks,
        atime: stat.atime,
        mtime: stat.mtime,
        ctime: stat.ctime,
        btime: stat.btime,
    })
}

impl Inode for HostInode {
    fn write_count(&self) -> Option<&WriteCount> {
        Some(&self.writers)
    }

    fn metadata(&self) -> Result<Metadata> {
        metadata(&self.stat()?)
    }

    fn access_metadata(&self) -> Result<Metadata> {
        metadata(&self.seen.lock())
    }

    fn kind(&self) -> FileType {
        self.kind
    }

    fn entry_timeout_ns(&self) -> u64 {
        ENTRY_TIMEOUT_NS
    }

    fn revalidate(&self) -> bool {
        let before = *self.seen.lock();
        self.changes();
        self.stat().is_ok_and(|now| {
            (now.dev, now.ino) == (before.dev, before.ino) && FileType::from_mode(now.mode) == Some(self.kind)
        })
    }

    fn open(self: Arc<Self>, flags: StatusFlags) -> Result<Arc<dyn Handle>> {
        if self.kind != FileType::Regular {
            bail!(ENXIO, "devices and sockets of the host can't be opened");
        }
        let (writes, truncates) = (flags.can_write(), flags.contains(StatusFlags::O_TRUNC));
        if (writes || truncates) && self.fs.is_read_only() {
            bail!(EROFS, "the volume is read-only");
        }
        self.changes();
        let open = |mode: u32| {
            let place = self.place();
            match &place.parent {
                // Its directory was opened already, to look it up.
                Some(parent) => file::open_entry(&*parent.directory()?, &place.name, mode),
                None => self.open_beneath(mode | O_NOFOLLOW | O_NONBLOCK, 0),
            }
        };
        // Readable if possible, so that it can be mapped; the caller checks what it may do.
        let fd = match open(if writes || truncates { O_RDWR } else { O_RDONLY }) {
            Err(error) if error.errno() == Errno::EACCES && writes && !flags.can_read() => open(O_WRONLY)?,
            result => result?,
        };
        Ok(Arc::new(HostHandle::new(fd)))
    }

    fn lookup(&self, name: &[u8]) -> Result<Arc<dyn Inode>> {
        if self.kind != FileType::Directory {
            bail!(ENOTDIR, "not a directory");
        }
        Ok(self.new_child(&c_string(name)?)?)
    }

    fn read_dir(&self) -> Result<Vec<DirEntry>> {
        let fd = self.open_beneath(O_RDONLY | O_DIRECTORY, 0)?;
        let entries = file::read_dir(&fd)?;
        Ok(entries
            .into_iter()
            .map(|entry| {
                let kind = match u32::from(entry.kind) {
                    DT_DIR => FileType::Directory,
                    DT_LNK => FileType::Symlink,
                    DT_CHR => FileType::CharDevice,
                    DT_BLK => FileType::BlockDevice,
                    DT_FIFO => FileType::Fifo,
                    DT_SOCK => FileType::Socket,
                    _ => FileType::Regular,
                };
                DirEntry { name: entry.name, ino: entry.ino, kind }
            })
            .collect())
    }

    fn create(&self, name: &[u8], node: NewNode, mode: u32, owner: [u32; 2]) -> Result<Arc<dyn Inode>> {
        let dir = self.writable_directory()?;
        let name = c_string(name)?;
        match node {
            NewNode::Regular => {
                drop(file::open_beneath(&dir, &name, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW, mode)?);
            }
            NewNode::Directory => file::make_dir(&dir, &name, mode)?,
            NewNode::Symlink(target) => file::symlink(&c_string(&target)?, &dir, &name)?,
            NewNode::Special(kind @ (FileType::Fifo | FileType::Socket), _) => {
                file::make_node(&dir, &name, kind.mode_bits() | mode)?;
            }
            NewNode::Special(..) => bail!(EPERM, "devices can't be made on a volume"),
        }
        let child = self.new_child(&name)?;
        child.give(owner, self.access_metadata()?.mode & S_ISGID != 0)?;
        Ok(child)
    }

    fn link(&self, name: &[u8], inode: &Arc<dyn Inode>) -> Result<()> {
        let dir = self.writable_directory()?;
        let source = (&**inode as &dyn Any).downcast_ref::<Self>().ok_or(err!(EXDEV, "another file system"))?;
        if !Arc::ptr_eq(&self.fs, &source.fs) {
            bail!(EXDEV, "another file system");
        }
        source.changes();
        let name = c_string(name)?;
        source.at(|old_dir, old| file::link(old_dir, old, &dir, &name))
    }

    fn unlink(&self, name: &[u8]) -> Result<()> {
        file::unlink(&*self.writable_directory()?, &c_string(name)?, 0)
    }

    fn rmdir(&self, name: &[u8]) -> Result<()> {
        file::unlink(&*self.writable_directory()?, &c_string(name)?, AT_REMOVEDIR)
    }

    fn rename(&self, name: &[u8], new_dir: &Arc<dyn Inode>, new_name: &[u8], flags: RenameFlags) -> Result<()> {
        let target = (&**new_dir as &dyn Any).downcast_ref::<Self>().ok_or(err!(EXDEV, "another file system"))?;
        if !Arc::ptr_eq(&self.fs, &target.fs) {
            bail!(EXDEV, "another file system");
        }
        let flags = match flags {
            RenameFlags::Replace => 0,
            RenameFlags::NoReplace => RENAME_NOREPLACE,
            RenameFlags::Exchange => RENAME_EXCHANGE,
        };
        let (old_dir, new_dir) = (self.writable_directory()?, target.writable_directory()?);
        file::rename(&old_dir, &c_string(name)?, &new_dir, &c_string(new_name)?, flags)
    }

    fn moved(&self, new_dir: &Arc<dyn Inode>, new_name: &[u8]) {
        let any: Arc<dyn Any + Send + Sync> = new_dir.clone();
        if let (Ok(parent), Ok(name)) = (any.downcast::<Self>(), c_string(new_name)) {
            self.changes();
            let place = Arc::new(Place { parent: Some(parent), name });
            let before = core::mem::replace(&mut *self.place.lock(), place);
            drop(before);
            self.dir_fd.close();
        }
    }

    fn read_link(&self) -> Result<Vec<u8>> {
        let changed = self.seen.lock().ctime;
        if let Some((_, target)) = self.link.lock().as_ref().filter(|(then, _)| *then == changed) {
            return Ok(target.clone());
        }
        let target = self.at(file::read_link)?;
        *self.link.lock() = Some((changed, target.clone()));
        Ok(target)
    }

    fn set_attributes(&self, set: SetAttributes) -> Result<()> {
        if self.fs.is_read_only() {
            bail!(EROFS, "the volume is read-only");
        }
        self.changes();
        self.at(|dir, name| {
            if set.uid.is_some() || set.gid.is_some() {
                file::chown(dir, name, set.uid.unwrap_or(u32::MAX), set.gid.unwrap_or(u32::MAX))?;
            }
            if let Some(mode) = set.mode {
                file::chmod(dir, name, mode)?;
            }
            if set.atime.is_some() || set.mtime.is_some() {
                file::set_times(dir, name, set.atime, set.mtime)?;
            }
            Ok(())
        })?;
        let decides_access = set.uid.is_some() || set.gid.is_some() || set.mode.is_some();
        if decides_access { self.look_again() } else { Ok(()) }
    }

    fn file_system_id(&self) -> u64 {
        self.fs.id
    }

    fn statfs(&self) -> Result<[u64; 11]> {
        file::statfs(&self.fs.root)
    }

    fn is_read_only(&self) -> bool {
        self.fs.is_read_only()
    }

    /// Of the host's, programs see what matters to `execve`.
    fn xattr(&self, name: &[u8]) -> Result<Vec<u8>> {
        if name != CAPABILITY_XATTR || self.kind != FileType::Regular {
            bail!(EOPNOTSUPP, "extended attributes of the host are not shown");
        }
        file::capabilities(&self.open_beneath(O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0)?)
    }
}
