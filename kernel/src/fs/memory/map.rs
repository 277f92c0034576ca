//! Files in memory as something to map.

use super::data::{Data, Extent};
use super::inode::MemInode;
use crate::fs::inode::{Handle, MapAccess};
use crate::mm::{FileFault, MapSource};
use crate::prelude::*;
use core::ops::Range;
use core::sync::atomic::Ordering;
use frame::arena::Pages;
use frame::layout::PAGE_SIZE;
use frame::ocall::mem::{self, Backing, Prot, Sharing};

const PAGE: u64 = PAGE_SIZE as u64;

/// How many pages that a file has got are mapped at once when one is touched.
const MOST_FAULTED: usize = 256;

/// A mapping of a file; keeps the pages alive that programs see through it.
///
/// Lock order: the file's contents, then what is mapped.
pub(super) struct MemMap {
    inode: Arc<MemInode>,
    path: Vec<u8>,
    access: MapAccess,
    mapped: Mutex<Vec<Arc<Pages>>>,
}

impl MemMap {
    /// # Errors
    /// `EPERM` if the file is sealed against writing and could be written through the mapping.
    pub(super) fn new(inode: Arc<MemInode>, path: Vec<u8>, prot: Prot, mut access: MapAccess) -> Result<Self> {
        if let Some(seals) = inode.seals()
            && access == MapAccess::SharedWritable
            && let Err(error) = seals.mapped()
        {
            if prot.contains(Prot::WRITE) {
                return Err(error);
            }
            access = MapAccess::SharedReadOnly;
        }
        inode.mappings.fetch_add(1, Ordering::SeqCst);
        Ok(Self { inode, path, access, mapped: Mutex::default() })
    }

    /// Maps bytes of the file that it has, `range` at `offset`.
    fn map_pages(
        &self,
        data: &mut Data,
        range: &Range<usize>,
        offset: u64,
        prot: Prot,
        sharing: Sharing,
    ) -> Result<()> {
        let end = offset + range.len() as u64;
        if sharing == Sharing::Shared {
            data.allocate(offset, range.len() as u64)?;
        }
        for (first, count, extent) in data.pieces(offset / PAGE, end / PAGE) {
            let start = range.start + (first * PAGE - offset) as usize;
            let piece = start..start + (count * PAGE) as usize;
            match extent {
                Some(Extent { pages, first, .. }) => {
                    mem::map(&piece, prot, sharing, Backing::Pages(&pages, (first * PAGE) as usize))?;
                    self.mapped.lock().push(pages);
                }
                None => mem::map(&piece, prot, Sharing::Private, Backing::Anonymous)?,
            }
        }
        Ok(())
    }
}

impl Drop for MemMap {
    fn drop(&mut self) {
        self.inode.mappings.fetch_sub(1, Ordering::SeqCst);
        if let Some(seals) = self.inode.seals()
            && self.access == MapAccess::SharedWritable
        {
            seals.unmapped();
        }
    }
}

impl MapSource for MemMap {
    fn map(&self, range: &Range<usize>, offset: u64, prot: Prot, sharing: Sharing) -> Result<()> {
        let mut data = self.inode.data()?.write();
        let end = offset + range.len() as u64;
        let file_end = data.size().next_multiple_of(PAGE).clamp(offset, end);
        let there = range.start..range.start + (file_end - offset) as usize;
        if !there.is_empty() {
            self.map_pages(&mut data, &there, offset, prot, sharing)?;
        }
        // Beyond the end of the file nothing can be touched, as long as that is its end.
        let beyond = there.end..range.end;
        if !beyond.is_empty() {
            mem::map(&beyond, Prot::empty(), Sharing::Private, Backing::Anonymous)?;
        }
        Ok(())
    }

    fn fault(&self, range: &Range<usize>, offset: u64, prot: Prot, sharing: Sharing) -> FileFault {
        let Ok(data) = self.inode.data() else { return FileFault::Other };
        let mut data = data.write();
        // What lay beyond the end when it was mapped can't be read. The file may have grown since.
        let is_there = |page: usize| UserSlice::new(page, 1).and_then(|byte| byte.read(&mut [0])).is_ok();
        if prot.is_empty() || is_there(range.start) {
            return FileFault::Other;
        }
        let end = data.size().next_multiple_of(PAGE).min(offset + range.len() as u64);
        if end <= offset {
            return FileFault::BeyondEnd;
        }
        let end = range.start + ((end - offset) as usize).min(MOST_FAULTED * PAGE_SIZE);
        let missing = (range.start..end).step_by(PAGE_SIZE).skip(1).find(|&page| is_there(page)).unwrap_or(end);
        match self.map_pages(&mut data, &(range.start..missing), offset, prot, sharing) {
            Ok(()) => FileFault::Mapped,
            Err(_) => FileFault::BeyondEnd,
        }
    }

    fn dev_ino(&self) -> (u64, u64) {
        self.inode.identity()
    }

    fn path(&self) -> Vec<u8> {
        self.path.clone()
    }

    fn sync(&self, _range: &Range<usize>, _flags: u32) -> Result<()> {
        Ok(())
    }

    fn may_protect(&self, prot: Prot, _sharing: Sharing) -> Result<()> {
        if prot.contains(Prot::WRITE) && self.access == MapAccess::SharedReadOnly {
            bail!(EACCES, "the file is not open for writing");
        }
        Ok(())
    }
}
