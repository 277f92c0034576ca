//! Places for trampolines.

use super::plan::{MAX_TRAMPOLINE, Plan};
use alloc::collections::BTreeMap;
use core::ops::Range;

/// The used parts of the address space that is kept for trampolines.
#[derive(Debug, Default)]
pub struct Slots(BTreeMap<u64, u64>);

/// Trampolines start at multiples of this.
const ALIGN: u64 = 16;

impl Slots {
    /// The lowest free place in `chunk` that suits the plan, so that few pages are touched.
    pub fn find(&self, chunk: &Range<u64>, plan: &Plan) -> Option<u64> {
        let mut at = chunk.start.next_multiple_of(ALIGN);
        while at + MAX_TRAMPOLINE as u64 <= chunk.end {
            if let Some((_, &end)) = self.0.range(..at + MAX_TRAMPOLINE as u64).next_back()
                && end > at
            {
                at = end.next_multiple_of(ALIGN);
            } else if plan.accepts(at) {
                return Some(at);
            } else {
                at += ALIGN;
            }
        }
        None
    }

    /// Marks a place as used.
    pub fn take(&mut self, slot: Range<u64>) {
        self.0.insert(slot.start, slot.end);
    }
}
