//! Copies of a memory, for `fork`.

use super::charge::charge;
use super::memory::{Inner, Memory};
use super::recycle::Recycled;
use super::remains::Remains;
use super::space::AddressSpace;
use super::start_up::StartUp;
use super::vma::{InChildren, Vma, Vmas};
use crate::prelude::*;
use core::ops::Range;
use frame::layout;
use frame::ocall::mem;
use linux_raw_sys::general as linux;

impl Memory {
    /// A copy of this memory for a new address space, which `start` has the host make meanwhile: nothing is mapped or
    /// unmapped here until it has. It's also told what other memories have there, to be [unmapped](unmap_foreign).
    ///
    /// # Errors
    /// `ENOMEM` at the memory limit; what `start` gives.
    pub fn fork(&self, start: impl FnOnce(&Arc<Self>, Vec<Range<usize>>) -> Result<()>) -> Result<Arc<Self>> {
        self.patcher.patch_for_copies(|site| self.code_region_at(site));
        let mut inner = self.inner.lock();
        self.settle_locked(&mut inner);
        // What is kept for reuse needn't be copied.
        inner.recycled.release();
        let is_copied = |vma: &Vma| vma.in_children != InChildren::Nothing;
        let charges = inner.vmas.iter().filter(|(_, vma)| vma.is_charged && is_copied(vma));
        let charged: usize = charges.map(|(range, _)| range.len()).sum();
        charge(charged)?;
        let space = Arc::new(AddressSpace::default());
        let id = Self::next_id();
        space.adopt(id, &self.space, self.id);
        let mut copy = Inner {
            space: space.clone(),
            vmas: inner.vmas.clone(),
            room: inner.room.clone(),
            brk_area: inner.brk_area.clone(),
            brk: inner.brk,
            mapped: inner.mapped,
            recycled: Recycled::default(),
            remains: Remains::default(),
            start_up: StartUp::default(),
            // Locks aren't inherited (`man 2 mlock`).
            locks_future: None,
            chunks: inner.chunks.clone(),
            stack_gap: inner.stack_gap.clone(),
            barriers: inner.barriers,
            random: inner.random,
            is_altered: true,
        };
        let is_special = |vma: &Vma| vma.is_locked || !is_copied(vma);
        for (range, vma) in inner.vmas.iter().filter(|(_, vma)| is_special(vma)) {
            let in_copy = copy.vmas.remove(&range);
            if is_copied(vma) {
                for (part, vma) in in_copy {
                    copy.vmas.insert(part, Vma { is_locked: false, ..vma });
                }
            } else {
                copy.mapped -= range.len();
                copy.put_free(range);
            }
        }
        let file_ends = self.file_ends.copy();
        self.patcher.fork(|patcher| {
            let copy = Arc::new(Self { file_ends, ..Self::with(id, copy, patcher) });
            let start = |foreign| {
                leave_out(&inner.vmas)?;
                start(&copy, foreign)
            };
            match self.space.with_others(self.id, start) {
                Ok(()) => Ok(copy),
                Err(error) => {
                    copy.forget_all();
                    Err(error)
                }
            }
        })
    }
}

/// Tells the host again what isn't to be copied: it may have been told to copy all of the memory's windows.
fn leave_out(vmas: &Vmas) -> Result<()> {
    let mut left_out = vmas.iter().filter(|(_, vma)| vma.in_children == InChildren::Nothing);
    left_out.try_for_each(|(range, _)| mem::advise(&range, linux::MADV_DONTFORK))
}

impl AddressSpace {
    /// Has `start` make a host process with a copy of this address space, of which it's told all that is to be
    /// [unmapped](unmap_foreign) for an empty one.
    ///
    /// # Errors
    /// What `start` gives.
    pub fn split(&self, start: impl FnOnce(Vec<Range<usize>>) -> Result<()>) -> Result<()> {
        const NOBODY: u64 = 0;
        self.with_others(NOBODY, start)
    }
}

/// In a new host process: unmaps what isn't its own.
pub fn unmap_foreign(runs: &[Range<usize>]) {
    for run in runs {
        let run = run.start.max(layout::USER_MIN)..run.end.min(layout::USER_MAX);
        if let Err(error) = mem::unmap(&run) {
            warn!("the host keeps memory of another process mapped: {error}");
        }
    }
}
