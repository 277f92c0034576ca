//! Copies of a memory, for `fork`.

use super::charge::charge;
use super::memory::{Inner, Memory};
use super::recycle::Recycled;
use super::space::AddressSpace;
use crate::prelude::*;
use core::ops::Range;
use frame::layout;
use frame::ocall::mem;

impl Memory {
    /// A copy of this memory for a new address space, which `start` has the host make meanwhile: nothing is mapped or
    /// unmapped here until it has. It's also told what other memories have there, to be [unmapped](unmap_foreign).
    ///
    /// # Errors
    /// `ENOMEM` at the memory limit; what `start` gives.
    pub fn fork(&self, start: impl FnOnce(&Arc<Self>, Vec<Range<usize>>) -> Result<()>) -> Result<Arc<Self>> {
        self.patcher.patch_for_copies(|site| self.code_region_at(site));
        let mut inner = self.inner.lock();
        // What is kept for reuse needn't be copied.
        inner.recycled.release();
        let charged: usize = inner.vmas.iter().filter(|(_, vma)| vma.is_charged).map(|(range, _)| range.len()).sum();
        charge(charged)?;
        let space = Arc::new(AddressSpace::default());
        let id = Self::next_id();
        space.adopt(id, &self.space, self.id);
        let copy = Inner {
            space: space.clone(),
            vmas: inner.vmas.clone(),
            room: inner.room.clone(),
            brk_area: inner.brk_area.clone(),
            brk: inner.brk,
            mapped: inner.mapped,
            recycled: Recycled::default(),
            // Locks aren't inherited (`man 2 mlock`).
            locks_future: None,
            chunks: inner.chunks.clone(),
            stack_gap: inner.stack_gap.clone(),
            barriers: inner.barriers,
            random: inner.random,
            is_altered: true,
        };
        self.patcher.fork(|patcher| {
            let copy = Arc::new(Self::with(id, copy, patcher));
            match self.space.with_others(self.id, |foreign| start(&copy, foreign)) {
                Ok(()) => Ok(copy),
                Err(error) => {
                    copy.forget_all();
                    Err(error)
                }
            }
        })
    }
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
