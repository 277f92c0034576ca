//! Files in memory as something to map.

use super::data::Extent;
use super::inode::MemInode;
use crate::mm::MapSource;
use crate::prelude::*;
use core::ops::Range;
use frame::arena::Pages;
use frame::layout::PAGE_SIZE;
use frame::ocall::mem::{self, Backing, Prot, Sharing};

/// A mapping of a file; keeps the pages alive that programs see through it.
pub(super) struct MemMap {
    inode: Arc<MemInode>,
    path: Vec<u8>,
    mapped: Mutex<Vec<Arc<Pages>>>,
}

impl MemMap {
    pub(super) fn new(inode: Arc<MemInode>, path: Vec<u8>) -> Self {
        Self { inode, path, mapped: Mutex::new(Vec::new()) }
    }
}

impl MapSource for MemMap {
    fn map(&self, range: &Range<usize>, offset: u64, prot: Prot, sharing: Sharing) -> Result<()> {
        let page = PAGE_SIZE as u64;
        let mut data = self.inode.data()?.write();
        let end = offset + range.len() as u64;
        let file_end = data.size().next_multiple_of(page).clamp(offset, end);
        if sharing == Sharing::Shared {
            data.allocate(offset, file_end - offset)?;
        }
        let at = |file_page: u64| range.start + (file_page * page - offset) as usize;
        for (first, count, extent) in data.pieces(offset / page, file_end / page) {
            let piece = at(first)..at(first + count);
            match extent {
                Some(Extent { pages, first, .. }) => {
                    mem::map(&piece, prot, sharing, Backing::Pages(&pages, (first * page) as usize))?;
                    self.mapped.lock().push(pages);
                }
                None => mem::map(&piece, prot, Sharing::Private, Backing::Anonymous)?,
            }
        }
        // Beyond the end of the file nothing can be touched.
        let beyond = range.start + (file_end - offset) as usize..range.end;
        if !beyond.is_empty() {
            mem::map(&beyond, Prot::empty(), Sharing::Private, Backing::Anonymous)?;
        }
        Ok(())
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
}
