//! Lower files that are copied into memory when they are about to change.

use super::inode::MemInode;
use crate::fs::WriteCount;
use crate::fs::file::StatusFlags;
use crate::fs::inode::{FileType, Handle, Inode, Metadata, SetAttributes};
use crate::prelude::*;
use core::any::Any;

/// A file of the lower file system, and its copy once there is one.
pub(super) struct CopyUp {
    /// The directory that it shows through, and its name there.
    dir: Weak<MemInode>,
    name: Box<[u8]>,
    lower: Arc<dyn Inode>,
    upper: RwLock<Option<Arc<MemInode>>>,
    writers: WriteCount,
}

/// The memory's own inode for `inode`, copied if it is a lower file; `None` if it belongs elsewhere.
pub(super) fn own(inode: &Arc<dyn Inode>) -> Result<Option<Arc<MemInode>>> {
    let any: Arc<dyn Any + Send + Sync> = inode.clone();
    match any.downcast::<MemInode>() {
        Ok(own) => Ok(Some(own)),
        Err(any) => match any.downcast::<CopyUp>() {
            Ok(lower) => lower.copy_up().map(Some),
            Err(_) => Ok(None),
        },
    }
}

impl CopyUp {
    pub(super) fn new(dir: Weak<MemInode>, name: &[u8], lower: Arc<dyn Inode>) -> Self {
        Self { dir, name: name.into(), lower, upper: RwLock::new(None), writers: WriteCount::default() }
    }

    fn upper(&self) -> Option<Arc<MemInode>> {
        self.upper.read().clone()
    }

    fn copy_up(&self) -> Result<Arc<MemInode>> {
        let mut upper = self.upper.write();
        if let Some(upper) = &*upper {
            return Ok(upper.clone());
        }
        let dir = self.dir.upgrade().ok_or(Errno::ENOENT)?;
        debug!("{} is copied into memory", self.name.escape_ascii());
        let copy = MemInode::copy_of(dir.fs(), &self.lower)?;
        // Another name object for the same file may have been faster; or the name is gone, then the copy has none.
        let copy = dir.attach(&self.name, copy)?;
        *upper = Some(copy.clone());
        Ok(copy)
    }
}

impl Inode for CopyUp {
    fn write_count(&self) -> Option<&WriteCount> {
        Some(&self.writers)
    }

    fn metadata(&self) -> Result<Metadata> {
        match self.upper() {
            Some(upper) => Inode::metadata(&*upper),
            None => self.lower.metadata(),
        }
    }

    fn access_metadata(&self) -> Result<Metadata> {
        match self.upper() {
            Some(upper) => Inode::metadata(&*upper),
            None => self.lower.access_metadata(),
        }
    }

    fn kind(&self) -> FileType {
        self.lower.kind()
    }

    fn entry_timeout_ns(&self) -> u64 {
        if self.upper.read().is_some() { u64::MAX } else { self.lower.entry_timeout_ns() }
    }

    fn revalidate(&self) -> bool {
        self.upper.read().is_some() || self.lower.revalidate()
    }

    fn open(self: Arc<Self>, flags: StatusFlags) -> Result<Arc<dyn Handle>> {
        match self.upper() {
            Some(upper) => upper.open(flags),
            None if flags.can_write() || flags.contains(StatusFlags::O_TRUNC) => self.copy_up()?.open(flags),
            None => self.lower.clone().open(flags),
        }
    }

    fn read_link(&self) -> Result<Vec<u8>> {
        self.lower.read_link()
    }

    fn set_attributes(&self, set: SetAttributes) -> Result<()> {
        self.copy_up()?.set_attributes(set)
    }

    fn file_system_id(&self) -> u64 {
        self.dir.upgrade().map_or(0, |dir| dir.file_system_id())
    }

    fn statfs(&self) -> Result<[u64; 11]> {
        match self.dir.upgrade() {
            Some(dir) => dir.statfs(),
            None => self.lower.statfs(),
        }
    }

    fn xattr(&self, name: &[u8]) -> Result<Vec<u8>> {
        match self.upper() {
            Some(upper) => upper.xattr(name),
            None => self.lower.xattr(name),
        }
    }

    fn set_xattr(&self, name: &[u8], value: Option<&[u8]>, flags: u32) -> Result<()> {
        self.copy_up()?.set_xattr(name, value, flags)
    }

    fn list_xattrs(&self) -> Result<Vec<Vec<u8>>> {
        match self.upper() {
            Some(upper) => upper.list_xattrs(),
            None => self.lower.list_xattrs(),
        }
    }
}
