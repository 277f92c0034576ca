//! Files, directories, links and special files in memory.

use super::attributes::Attributes;
use super::copy_up::CopyUp;
use super::data::Data;
use super::directory::{Directory, Found};
use super::map::MemMap;
use super::seals::Seals;
use crate::fs::file::StatusFlags;
use crate::fs::inode::{
    DirEntry, FileType, Handle, Inode, MapAccess, Metadata, NewNode, RenameFlags, SetAttributes, current_time,
};
use crate::fs::{File, WriteCount, device, pipe};
use crate::mm::MapSource;
use crate::prelude::*;
use core::any::Any;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use frame::ocall::file::Whence;
use frame::ocall::mem::Prot;

/// An in-memory file system.
#[derive(Debug)]
pub struct MemFs {
    id: u64,
    next_ino: AtomicU64,
}

/// What a name in memory stands for.
pub struct MemInode {
    fs: Arc<MemFs>,
    this: Weak<Self>,
    /// Device and inode number; those of the lower file for a copy.
    identity: (u64, u64),
    kind: FileType,
    rdev: u64,
    /// `None` while those of the lower directory show through.
    attributes: Mutex<Option<Attributes>>,
    /// Written since the last read, so that the next one sets the access time (`relatime`).
    is_unread: AtomicBool,
    content: Content,
    xattrs: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
    seals: Seals,
    writers: WriteCount,
    /// Number of mappings that programs have of it.
    pub(super) mappings: AtomicUsize,
}

enum Content {
    Regular(RwLock<Data>),
    Directory(Directory),
    Symlink(Vec<u8>),
    /// The FIFO's pipe is there while somebody has it open.
    Special(pipe::FifoSlot),
}

impl MemFs {
    /// An empty file system, whose root directory has these attributes and what shows through of `lower`.
    pub fn new_root(lower: Option<Arc<dyn Inode>>, mode: u32, owner: [u32; 2]) -> Arc<MemInode> {
        static NEXT: AtomicU64 = AtomicU64::new(0x40);
        let fs = Arc::new(Self { id: NEXT.fetch_add(1, Ordering::Relaxed), next_ino: AtomicU64::new(1) });
        match lower {
            Some(lower) => MemInode::above(&fs, lower),
            None => {
                let attributes = Attributes::new(mode, owner, 2);
                MemInode::new(&fs, FileType::Directory, 0, attributes, Content::Directory(Directory::new(None)), None)
            }
        }
    }
}

impl MemInode {
    fn new(
        fs: &Arc<MemFs>,
        kind: FileType,
        rdev: u64,
        attributes: Attributes,
        content: Content,
        identity: Option<(u64, u64)>,
    ) -> Arc<Self> {
        let identity = identity.unwrap_or_else(|| (fs.id, fs.next_ino.fetch_add(1, Ordering::Relaxed)));
        Arc::new_cyclic(|this| Self {
            fs: fs.clone(),
            this: this.clone(),
            identity,
            kind,
            rdev,
            attributes: Mutex::new(Some(attributes)),
            is_unread: AtomicBool::new(false),
            content,
            xattrs: Mutex::new(BTreeMap::new()),
            seals: Seals::default(),
            writers: WriteCount::default(),
            mappings: AtomicUsize::new(0),
        })
    }

    /// A directory through which `lower` shows.
    pub(super) fn above(fs: &Arc<MemFs>, lower: Arc<dyn Inode>) -> Arc<Self> {
        let identity = lower.access_metadata().map_or((fs.id, 0), |metadata| (metadata.dev, metadata.ino));
        Arc::new_cyclic(|this| Self {
            fs: fs.clone(),
            this: this.clone(),
            identity,
            kind: FileType::Directory,
            rdev: 0,
            attributes: Mutex::new(None),
            is_unread: AtomicBool::new(false),
            content: Content::Directory(Directory::new(Some(lower))),
            xattrs: Mutex::new(BTreeMap::new()),
            seals: Seals::default(),
            writers: WriteCount::default(),
            mappings: AtomicUsize::new(0),
        })
    }

    /// A copy of a lower file that is no directory.
    ///
    /// # Errors
    /// `ENOSPC`, and what reading the lower file gives.
    pub(super) fn copy_of(fs: &Arc<MemFs>, lower: &Arc<dyn Inode>) -> Result<Arc<Self>> {
        let metadata = lower.metadata()?;
        let content = match metadata.kind {
            FileType::Regular => {
                let mut data = Data::default();
                let handle = lower.clone().open(StatusFlags::empty())?;
                let mut buffer = vec![0; 256 << 10];
                let mut offset = 0;
                loop {
                    let count = handle.read_at(offset, &mut Sink::buffer(&mut buffer))?;
                    if count == 0 {
                        break;
                    }
                    let written = data.write(offset, &mut Source::buffer(&buffer[..count]))?;
                    if written < count {
                        bail!(ENOSPC, "the in-memory file system is full");
                    }
                    offset += count as u64;
                }
                Content::Regular(RwLock::new(data))
            }
            FileType::Symlink => Content::Symlink(lower.read_link()?),
            _ => Content::Special(pipe::FifoSlot::default()),
        };
        let mut attributes = Attributes::copy(&metadata);
        attributes.nlink = 1;
        let identity = Some((metadata.dev, metadata.ino));
        Ok(Self::new(fs, metadata.kind, metadata.rdev, attributes, content, identity))
    }

    /// The contents of a regular file.
    pub(super) fn data(&self) -> Result<&RwLock<Data>> {
        match &self.content {
            Content::Regular(data) => Ok(data),
            Content::Directory(_) => Err(Errno::EISDIR.into()),
            _ => Err(Errno::EINVAL.into()),
        }
    }

    /// Its file system.
    pub(super) fn fs(&self) -> &Arc<MemFs> {
        &self.fs
    }

    pub(super) fn identity(&self) -> (u64, u64) {
        self.identity
    }

    /// Its attributes; those that it hasn't itself are `lower`'s.
    fn metadata_of(&self, lower: Option<&Metadata>) -> Result<Metadata> {
        let own = *self.attributes.lock();
        let attributes = own.or_else(|| lower.map(Attributes::copy)).ok_or(Errno::EIO)?;
        let (size, allocated) = match &self.content {
            Content::Regular(data) => {
                let data = data.read();
                (data.size(), data.allocated())
            }
            Content::Directory(directory) => {
                lower.map_or_else(|| (directory.size(), 0), |lower| (lower.size, lower.blocks * 512))
            }
            Content::Symlink(target) => (target.len() as u64, 0),
            Content::Special(_) => (0, 0),
        };
        Ok(Metadata {
            dev: self.identity.0,
            ino: self.identity.1,
            kind: self.kind,
            mode: attributes.mode,
            nlink: attributes.nlink,
            uid: attributes.uid,
            gid: attributes.gid,
            rdev: self.rdev,
            size,
            blksize: 4096,
            blocks: allocated / 512,
            atime: attributes.atime,
            mtime: attributes.mtime,
            ctime: attributes.ctime,
            btime: attributes.btime,
        })
    }

    fn directory(&self) -> Result<&Directory> {
        match &self.content {
            Content::Directory(directory) => Ok(directory),
            _ => Err(err!(ENOTDIR, "not a directory")),
        }
    }

    fn attributes(&self) -> Result<Attributes> {
        if let Some(attributes) = &*self.attributes.lock() {
            return Ok(*attributes);
        }
        let lower = self.directory()?.lower().ok_or(Errno::EIO)?;
        Ok(Attributes::copy(&lower.metadata()?))
    }

    fn change(&self, change: impl FnOnce(&mut Attributes)) -> Result<()> {
        let mut changed = self.attributes()?;
        let mut attributes = self.attributes.lock();
        // Another thread may have changed them meanwhile.
        let target = attributes.get_or_insert(changed);
        changed = *target;
        change(&mut changed);
        *target = changed;
        Ok(())
    }

    fn wrote(&self) {
        self.is_unread.store(true, Ordering::Relaxed);
        if let Some(attributes) = &mut *self.attributes.lock() {
            attributes.modified();
            // A write by somebody who isn't root takes these away; that root's does as well harms nobody.
            if attributes.mode & 0o6000 != 0 {
                attributes.mode &= if attributes.mode & 0o010 != 0 { !0o6000 } else { !0o4000 };
            }
        }
    }

    fn was_read(&self) {
        if self.is_unread.load(Ordering::Relaxed)
            && self.is_unread.swap(false, Ordering::Relaxed)
            && let Some(attributes) = &mut *self.attributes.lock()
        {
            attributes.atime = current_time();
        }
    }

    /// Puts the copy of a lower file in its place; gives what stands for that file then.
    pub(super) fn attach(&self, name: &[u8], copy: Arc<Self>) -> Result<Arc<Self>> {
        Ok(self.directory()?.insert_if_absent(name, copy))
    }

    fn wrap(&self, name: &[u8], found: Found) -> Result<Arc<dyn Inode>> {
        match found {
            Found::Own(inode) => Ok(inode),
            Found::Lower(lower) if lower.kind() == FileType::Directory => {
                let above = Self::above(&self.fs, lower);
                Ok(self.directory()?.insert_if_absent(name, above))
            }
            Found::Lower(lower) => Ok(Arc::new(CopyUp::new(self.this.clone(), name, lower))),
        }
    }

    fn new_child(&self, node: NewNode, mode: u32, [uid, mut gid]: [u32; 2]) -> Result<Arc<Self>> {
        const SET_GID: u32 = 0o2000;
        let own = self.attributes()?;
        let mut mode = mode;
        if own.mode & SET_GID != 0 {
            gid = own.gid;
            if matches!(node, NewNode::Directory) {
                mode |= SET_GID;
            }
        }
        let (kind, rdev, nlink, content) = match node {
            NewNode::Regular => (FileType::Regular, 0, 1, Content::Regular(RwLock::default())),
            NewNode::Directory => (FileType::Directory, 0, 2, Content::Directory(Directory::new(None))),
            NewNode::Symlink(target) => {
                mode = 0o777;
                (FileType::Symlink, 0, 1, Content::Symlink(target))
            }
            NewNode::Special(kind, rdev) => (kind, rdev, 1, Content::Special(pipe::FifoSlot::default())),
        };
        Ok(Self::new(&self.fs, kind, rdev, Attributes::new(mode, [uid, gid], nlink), content, None))
    }

    fn unlinked(inode: &Arc<dyn Inode>, links: u32) {
        if let Some(inode) = (&**inode as &dyn Any).downcast_ref::<Self>() {
            // Directories have two links, files one each name.
            let _ = inode.change(|attributes| {
                attributes.nlink = attributes.nlink.saturating_sub(links);
                attributes.ctime = current_time();
            });
        }
    }
}

impl Inode for MemInode {
    fn write_count(&self) -> Option<&WriteCount> {
        Some(&self.writers)
    }

    fn metadata(&self) -> Result<Metadata> {
        let lower = match &self.content {
            Content::Directory(directory) => directory.lower().map(|lower| lower.metadata()).transpose()?,
            _ => None,
        };
        self.metadata_of(lower.as_ref())
    }

    fn access_metadata(&self) -> Result<Metadata> {
        match &self.content {
            Content::Directory(directory) if self.attributes.lock().is_none() => match directory.lower() {
                Some(lower) => lower.access_metadata(),
                None => self.metadata_of(None),
            },
            _ => self.metadata_of(None),
        }
    }

    fn kind(&self) -> FileType {
        self.kind
    }

    fn open(self: Arc<Self>, _flags: StatusFlags) -> Result<Arc<dyn Handle>> {
        Ok(self)
    }

    fn lookup(&self, name: &[u8]) -> Result<Arc<dyn Inode>> {
        let found = self.directory()?.find(name)?;
        self.wrap(name, found)
    }

    fn read_dir(&self) -> Result<Vec<DirEntry>> {
        self.directory()?.list()
    }

    fn create(&self, name: &[u8], node: NewNode, mode: u32, owner: [u32; 2]) -> Result<Arc<dyn Inode>> {
        let directory = self.directory()?;
        if directory.find(name).is_ok() {
            bail!(EEXIST, "the name exists");
        }
        let is_directory = matches!(node, NewNode::Directory);
        let child = self.new_child(node, mode, owner)?;
        directory.insert(name, child.clone());
        self.change(|attributes| {
            attributes.modified();
            attributes.nlink += u32::from(is_directory);
        })?;
        Ok(child)
    }

    fn create_unnamed(&self, mode: u32, owner: [u32; 2]) -> Result<Arc<dyn Inode>> {
        let child = self.new_child(NewNode::Regular, mode, owner)?;
        child.change(|attributes| attributes.nlink = 0)?;
        Ok(child)
    }

    fn link(&self, name: &[u8], inode: &Arc<dyn Inode>) -> Result<()> {
        let inode = super::copy_up::own(inode)?.ok_or(err!(EXDEV, "another file system"))?;
        let directory = self.directory()?;
        if directory.find(name).is_ok() {
            bail!(EEXIST, "the name exists");
        }
        directory.insert(name, inode.clone());
        inode.change(|attributes| {
            attributes.nlink += 1;
            attributes.ctime = current_time();
        })?;
        self.change(Attributes::modified)
    }

    fn unlink(&self, name: &[u8]) -> Result<()> {
        let directory = self.directory()?;
        let found = directory.find(name)?;
        if found.kind() == FileType::Directory {
            bail!(EISDIR, "a directory");
        }
        directory.remove(name);
        if let Found::Own(inode) = found {
            Self::unlinked(&inode, 1);
        }
        self.change(Attributes::modified)
    }

    fn rmdir(&self, name: &[u8]) -> Result<()> {
        let directory = self.directory()?;
        let inode = self.lookup(name)?;
        if inode.kind() != FileType::Directory {
            bail!(ENOTDIR, "not a directory");
        }
        if !inode.read_dir()?.is_empty() {
            bail!(ENOTEMPTY, "the directory is not empty");
        }
        directory.remove(name);
        Self::unlinked(&inode, 2);
        self.change(|attributes| {
            attributes.modified();
            attributes.nlink = attributes.nlink.saturating_sub(1);
        })
    }

    fn rename(&self, name: &[u8], new_dir: &Arc<dyn Inode>, new_name: &[u8], flags: RenameFlags) -> Result<()> {
        let target = (&**new_dir as &dyn Any).downcast_ref::<Self>().ok_or(err!(EXDEV, "another file system"))?;
        if !Arc::ptr_eq(&self.fs, &target.fs) {
            bail!(EXDEV, "another file system");
        }
        let inode = self.lookup(name)?;
        // What is moved must be the memory's own, so that nothing shows through under the new name.
        let moved: Arc<Self> = match (&*inode as &dyn Any).downcast_ref::<Self>() {
            Some(own) => own.this.upgrade().ok_or(Errno::ENOENT)?,
            None => super::copy_up::own(&inode)?.ok_or(Errno::EXDEV)?,
        };
        let existing = match target.lookup(new_name) {
            Ok(existing) => Some(existing),
            Err(error) if error.errno() == Errno::ENOENT => None,
            Err(error) => return Err(error),
        };
        let is_directory = moved.kind == FileType::Directory;
        match (flags, existing) {
            (RenameFlags::NoReplace, Some(_)) => bail!(EEXIST, "the new name exists"),
            (RenameFlags::Exchange, None) => bail!(ENOENT, "there is nothing to exchange with"),
            (RenameFlags::Exchange, Some(other)) => {
                let other = super::copy_up::own(&other)?.ok_or(Errno::EXDEV)?;
                let other_is_directory = other.kind == FileType::Directory;
                self.directory()?.insert(name, other);
                target.directory()?.insert(new_name, moved.clone());
                if is_directory != other_is_directory && !core::ptr::eq(self, target) {
                    let (gains, loses) = if is_directory { (target, self) } else { (self, target) };
                    gains.change(|attributes| attributes.nlink += 1)?;
                    loses.change(|attributes| attributes.nlink = attributes.nlink.saturating_sub(1))?;
                }
            }
            (_, existing) => {
                if let Some(existing) = existing {
                    let replaces_directory = existing.kind() == FileType::Directory;
                    if is_directory && !replaces_directory {
                        bail!(ENOTDIR, "a directory can't replace a file");
                    }
                    if !is_directory && replaces_directory {
                        bail!(EISDIR, "a file can't replace a directory");
                    }
                    if replaces_directory && !existing.read_dir()?.is_empty() {
                        bail!(ENOTEMPTY, "the directory is not empty");
                    }
                    Self::unlinked(&existing, if replaces_directory { 2 } else { 1 });
                    if replaces_directory {
                        target.change(|attributes| attributes.nlink = attributes.nlink.saturating_sub(1))?;
                    }
                }
                target.directory()?.insert(new_name, moved.clone());
                self.directory()?.remove(name);
                if is_directory && !core::ptr::eq(self, target) {
                    self.change(|attributes| attributes.nlink = attributes.nlink.saturating_sub(1))?;
                    target.change(|attributes| attributes.nlink += 1)?;
                }
            }
        }
        moved.change(|attributes| attributes.ctime = current_time())?;
        self.change(Attributes::modified)?;
        target.change(Attributes::modified)
    }

    fn read_link(&self) -> Result<Vec<u8>> {
        match &self.content {
            Content::Symlink(target) => Ok(target.clone()),
            _ => Err(err!(EINVAL, "not a symbolic link")),
        }
    }

    fn set_attributes(&self, set: SetAttributes) -> Result<()> {
        self.change(|attributes| attributes.apply(set))
    }

    fn file_system_id(&self) -> u64 {
        self.fs.id
    }

    fn statfs(&self) -> Result<[u64; 11]> {
        const TMPFS_MAGIC: u64 = 0x0102_1994;
        let used = (frame::arena::pages_in_use() / 4096) as u64;
        let info = frame::ocall::process::system_info();
        let total = info.totalram * u64::from(info.mem_unit) / 4096 / 2;
        let total = crate::mm::limit().map_or(total, |limit| total.min(limit as u64 / 4096));
        let free = total.saturating_sub(used);
        Ok([TMPFS_MAGIC, 4096, total, free, free, total, free, self.fs.id, 255, 4096, 0x1020])
    }

    fn xattr(&self, name: &[u8]) -> Result<Vec<u8>> {
        self.xattrs.lock().get(name).cloned().ok_or(Errno::ENODATA.into())
    }

    fn set_xattr(&self, name: &[u8], value: Option<&[u8]>, flags: u32) -> Result<()> {
        const XATTR_CREATE: u32 = 1;
        const XATTR_REPLACE: u32 = 2;
        let mut xattrs = self.xattrs.lock();
        let exists = xattrs.contains_key(name);
        match value {
            Some(_) if flags & XATTR_CREATE != 0 && exists => bail!(EEXIST, "the attribute exists"),
            Some(_) if flags & XATTR_REPLACE != 0 && !exists => bail!(ENODATA, "no such attribute"),
            Some(value) => {
                xattrs.insert(name.to_vec(), value.to_vec());
            }
            None if !exists => bail!(ENODATA, "no such attribute"),
            None => {
                xattrs.remove(name);
            }
        }
        Ok(())
    }

    fn list_xattrs(&self) -> Result<Vec<Vec<u8>>> {
        Ok(self.xattrs.lock().keys().cloned().collect())
    }
}

impl Handle for MemInode {
    fn read_at(&self, offset: u64, sink: &mut Sink<'_>) -> Result<usize> {
        let count = self.data()?.read().read(offset, sink)?;
        self.was_read();
        Ok(count)
    }

    fn write_at(&self, offset: u64, source: &mut Source<'_>) -> Result<usize> {
        let mut data = self.data()?.write();
        self.seals.check_write(offset, source, data.size())?;
        let count = data.write(offset, source)?;
        drop(data);
        self.wrote();
        Ok(count)
    }

    fn append(&self, source: &mut Source<'_>) -> Result<(usize, u64)> {
        let mut data = self.data()?.write();
        let end = data.size();
        self.seals.check_write(end, source, end)?;
        let count = data.write(end, source)?;
        drop(data);
        self.wrote();
        Ok((count, end + count as u64))
    }

    fn metadata(&self) -> Option<Result<Metadata>> {
        Some(Inode::metadata(self))
    }

    fn truncate(&self, len: u64) -> Result<()> {
        let mut data = self.data()?.write();
        self.seals.check_resize(data.size(), len)?;
        data.truncate(len);
        drop(data);
        self.wrote();
        Ok(())
    }

    fn allocate(&self, mode: u32, offset: u64, len: u64) -> Result<()> {
        const KEEP_SIZE: u32 = 1;
        const PUNCH_HOLE: u32 = 2;
        const ZERO_RANGE: u32 = 16;
        let end = offset.checked_add(len).filter(|&end| i64::try_from(end).is_ok()).ok_or(Errno::EFBIG)?;
        let mut data = self.data()?.write();
        let size = data.size();
        if mode & (PUNCH_HOLE | ZERO_RANGE) != 0 {
            self.seals.check_change()?;
        }
        if mode & KEEP_SIZE == 0 {
            self.seals.check_resize(size, end.max(size))?;
        }
        match mode & !KEEP_SIZE {
            0 => data.allocate(offset, len)?,
            PUNCH_HOLE if mode & KEEP_SIZE != 0 => data.punch(offset, end),
            ZERO_RANGE => {
                data.punch(offset, end);
                data.allocate(offset, len)?;
            }
            _ => bail!(EOPNOTSUPP, "tmpfs has no such allocation"),
        }
        if mode & KEEP_SIZE == 0 && end > size {
            data.truncate(end);
        }
        drop(data);
        self.wrote();
        Ok(())
    }

    fn end(&self) -> Result<u64> {
        Ok(self.data()?.read().size())
    }

    fn seek_data(&self, offset: u64, whence: Whence) -> Result<u64> {
        let data = self.data()?.read();
        if offset >= data.size() {
            bail!(ENXIO, "beyond the end of the file");
        }
        data.seek_data(offset, whence == Whence::Hole).ok_or(err!(ENXIO, "no data follows"))
    }

    fn map_source(self: Arc<Self>, path: Vec<u8>, prot: Prot, access: MapAccess) -> Result<Arc<dyn MapSource>> {
        self.data()?;
        Ok(Arc::new(MemMap::new(self, path, prot, access)?))
    }

    fn is_mapped_from_memory(&self) -> bool {
        self.mappings.load(Ordering::SeqCst) > 0
    }

    fn seals(&self) -> Option<&Seals> {
        matches!(self.content, Content::Regular(_)).then_some(&self.seals)
    }

    fn into_file(self: Arc<Self>, flags: StatusFlags) -> Option<Result<Arc<dyn File>>> {
        match &self.content {
            Content::Special(slot) => Some(match self.kind {
                FileType::CharDevice => device::open(self.rdev, flags, self.clone()),
                FileType::Fifo => pipe::open_fifo(slot, flags, self.clone()),
                _ => Err(Errno::ENXIO.into()),
            }),
            _ => None,
        }
    }
}
