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

/// A mapping of a file; keeps the pages alive that programs see through it.
///
/// Lock order: the file's contents, then what is mapped.
pub(super) struct MemMap {
    inode: Arc<MemInode>,
    path: Vec<u8>,
    access: MapAccess,
    mapped: Mutex<Mapped>,
}

#[derive(Default)]
struct Mapped {
    pages: Vec<Arc<Pages>>,
    /// Bytes of the file that couldn't be mapped since it ended before them: touching them is a fault.
    beyond: Vec<Range<u64>>,
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
                    self.mapped.lock().pages.push(pages);
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
        let mut mapped = self.mapped.lock();
        subtract(&mut mapped.beyond, &(offset..end));
        if file_end < end {
            mapped.beyond.push(file_end..end);
        }
        Ok(())
    }

    fn fault(&self, range: &Range<usize>, offset: u64, prot: Prot, sharing: Sharing) -> FileFault {
        let Ok(data) = self.inode.data() else { return FileFault::Other };
        let mut data = data.write();
        let beyond = self.mapped.lock().beyond.iter().find(|beyond| beyond.contains(&offset)).cloned();
        let Some(beyond) = beyond else { return FileFault::Other };
        // The file may have grown.
        let end = data.size().next_multiple_of(PAGE).min(beyond.end).min(offset + range.len() as u64);
        if end <= offset {
            return FileFault::BeyondEnd;
        }
        let there = range.start..range.start + (end - offset) as usize;
        match self.map_pages(&mut data, &there, offset, prot, sharing) {
            Ok(()) => {
                subtract(&mut self.mapped.lock().beyond, &(offset..end));
                FileFault::Mapped
            }
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

fn subtract(ranges: &mut Vec<Range<u64>>, cut: &Range<u64>) {
    let kept = ranges
        .drain(..)
        .flat_map(|range| [range.start..range.end.min(cut.start), range.start.max(cut.end)..range.end])
        .filter(|range| range.start < range.end)
        .collect();
    *ranges = kept;
}
