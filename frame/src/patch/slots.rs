//! Places for trampolines.

use super::plan::Plan;
use alloc::collections::BTreeMap;
use core::ops::Range;

/// The used parts of the address space that is kept for trampolines; they don't overlap.
#[derive(Debug, Default)]
pub struct Slots(BTreeMap<u64, u64>);

/// Trampolines start at multiples of this.
const ALIGN: u64 = 16;

impl Slots {
    /// The lowest free place in `chunk` that suits the plan, so that few pages are touched.
    pub fn find(&self, chunk: &Range<u64>, plan: &Plan) -> Option<u64> {
        let len = plan.trampoline_len() as u64;
        let mut at = chunk.start;
        loop {
            at = plan.next_slot(at, ALIGN)?;
            if at.checked_add(len)? > chunk.end {
                return None;
            }
            match self.0.range(..at + len).next_back() {
                Some((_, &end)) if end > at => at = end,
                _ => return Some(at),
            }
        }
    }

    /// Marks a place as used.
    pub fn take(&mut self, slot: Range<u64>) {
        self.0.insert(slot.start, slot.end);
    }
}
