//! Places for trampolines.

use super::plan::{JUMP_LEN, Plan, Trap};
use alloc::collections::BTreeMap;
use core::ops::Range;

/// The used parts of the address space that is kept for trampolines; they don't overlap.
#[derive(Clone, Debug, Default)]
pub struct Slots(BTreeMap<u64, u64>);

/// Trampolines start at multiples of this.
const ALIGN: u64 = 16;

/// Runs of values of the topmost byte of a jump's displacement that always trap: those that do so directly within 512 MiB
/// first, then the nearest places.
const TOP_BYTES: [(i8, i8); 11] = [
    (0xfau8 as i8, 0xfbu8 as i8),
    (0xf4u8 as i8, 0xf4u8 as i8),
    (0xecu8 as i8, 0xefu8 as i8),
    (0x06, 0x07),
    (0x0e, 0x0e),
    (0x16, 0x17),
    (0xeau8 as i8, 0xeau8 as i8),
    (0xe4u8 as i8, 0xe7u8 as i8),
    (0x1e, 0x1f),
    (0x60, 0x61),
    (0x6c, 0x6f),
];

/// Where chunks for `code` had best lie, in order of preference: there, jumps suit sites of which the fifth byte is an
/// instruction boundary. They suit the fourth as well in any chunk of [`GOOD_CHUNK`] bytes.
pub fn good_areas(code: &Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let (first, last) = (code.start + JUMP_LEN, code.end + JUMP_LEN);
    TOP_BYTES.iter().filter_map(move |&(from, to)| {
        let start = last.checked_add_signed(isize::from(from) << TOP_SHIFT)?;
        let end = first.checked_add_signed((isize::from(to) + 1) << TOP_SHIFT)?;
        (start < end).then_some(start..end)
    })
}

/// Address space of a chunk that suits most sites: more than the largest distance between two opcodes that trap directly,
/// at the fourth byte.
pub const GOOD_CHUNK: usize = 8 << 20;

const TOP_SHIFT: u32 = 24;

impl Slots {
    /// The lowest free place in `chunk` that suits the plan, so that few pages are touched.
    pub fn find(&self, chunk: &Range<u64>, plan: &Plan) -> Option<u64> {
        self.find_for(Trap::Direct, chunk, plan).or_else(|| self.find_for(Trap::Any, chunk, plan))
    }

    fn find_for(&self, trap: Trap, chunk: &Range<u64>, plan: &Plan) -> Option<u64> {
        let len = plan.trampoline_len() as u64;
        let mut at = chunk.start;
        loop {
            at = plan.next_slot(at, ALIGN, trap)?;
            if at.checked_add(len)? > chunk.end {
                return None;
            }
            match self.0.range(..at + len).next_back() {
                Some((_, &end)) if end > at => at = end,
                _ => return Some(at),
            }
        }
    }

    /// Marks the place that starts at `slot` as free.
    pub fn free(&mut self, slot: u64) {
        self.0.remove(&slot);
    }

    /// Marks a place as used.
    pub fn take(&mut self, slot: Range<u64>) {
        self.0.insert(slot.start, slot.end);
    }
}
