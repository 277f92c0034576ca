//! Freed memory that is kept for reuse.
//!
//! A page that a program touches for the first time costs a fault, one to three microseconds each, and giving it back
//! costs again. So small private ranges that a program frees stay with it, inaccessible, until it maps memory there
//! anew; then those pages that are resident are zeroed, which costs far less than a fault each. Pages that were never
//! touched stay so.

use super::memory::{Inner, Memory};
use super::vma::{Kind, Vma};
use crate::prelude::*;
use core::ops::Range;
use frame::layout::PAGE_SIZE;
use frame::ocall::mem::{self, Prot, Sharing};

/// Freed ranges by start: where they end. The host has them mapped without access.
#[derive(Default)]
pub(super) struct Recycled {
    kept: BTreeMap<usize, usize>,
    bytes: usize,
    /// How many ranges were freed that could have been kept.
    seen: u32,
}

/// The longest range that is kept.
const MAX_LEN: usize = 1 << 20;
/// The most that a process keeps.
const MAX_BYTES: usize = 64 << 20;
/// Programs that free less often than this gain nothing.
const WARM_UP: u32 = 16;
const READ_WRITE: Prot = Prot::READ.union(Prot::WRITE);

/// Keeps `range`, which the program unmaps, if that is worth it. Gives whether it did.
pub(super) fn keep(memory: &Memory, inner: &mut Inner, range: &Range<usize>) -> bool {
    if range.len() > MAX_LEN {
        return false;
    }
    let is_plain =
        inner.vmas.find(range.start).is_some_and(|(found, vma)| found.end >= range.end && is_recyclable(vma));
    if !is_plain {
        return false;
    }
    inner.recycled.seen = inner.recycled.seen.saturating_add(1);
    if inner.recycled.seen <= WARM_UP || inner.recycled.bytes + range.len() > MAX_BYTES {
        return false;
    }
    if mem::protect(range, Prot::empty()).is_err() {
        return false;
    }
    memory.drop_vmas(inner, range);
    inner.put_free(range.clone());
    inner.recycled.insert(range.clone());
    true
}

/// Makes kept memory at `range`, if it was kept as a whole, what the program maps there now. Gives whether it did.
pub(super) fn reuse(inner: &mut Inner, range: &Range<usize>, prot: Prot, sharing: Sharing) -> bool {
    if prot != READ_WRITE || sharing != Sharing::Private || !inner.recycled.covers(range) {
        return false;
    }
    let is_ready = mem::protect(range, prot).and_then(|()| zero_resident(range));
    if let Err(error) = is_ready {
        // The caller maps fresh memory in its place.
        debug!("kept memory isn't reused: {error}");
        return false;
    }
    inner.recycled.carve(range);
    true
}

fn is_recyclable(vma: &Vma) -> bool {
    vma.kind == Kind::Plain
        && vma.prot == READ_WRITE
        && vma.sharing == Sharing::Private
        && vma.source.is_none()
        && !vma.is_locked
}

/// Makes anonymous memory read as zeroes: its resident pages are zeroed, unless there are so many that new ones cost less.
pub(super) fn zero_resident(range: &Range<usize>) -> Result<()> {
    const MAX_ZEROED: usize = 256;
    let resident = mem::resident(range)?;
    if resident.iter().filter(|&&page| page & 1 != 0).count() > MAX_ZEROED {
        return mem::advise(range, linux_raw_sys::general::MADV_DONTNEED);
    }
    let mut at = range.start;
    for run in resident.chunk_by(|a, b| a & 1 == b & 1) {
        let len = run.len() * PAGE_SIZE;
        if run[0] & 1 != 0 {
            UserSlice::new(at, len)?.zero()?;
        }
        at += len;
    }
    Ok(())
}

impl Recycled {
    fn insert(&mut self, range: Range<usize>) {
        self.bytes += range.len();
        self.kept.insert(range.start, range.end);
    }

    /// Whether all of `range` is kept, in however many pieces.
    fn covers(&self, range: &Range<usize>) -> bool {
        let mut at = range.start;
        while at < range.end {
            match self.kept.range(..=at).next_back() {
                Some((_, &end)) if end > at => at = end,
                _ => return false,
            }
        }
        true
    }

    /// Forgets what is kept in `range`, which the host has replaced.
    pub(super) fn carve(&mut self, range: &Range<usize>) {
        while let Some((&start, &end)) = self.kept.range(..range.end).next_back() {
            if end <= range.start {
                return;
            }
            self.kept.remove(&start);
            self.bytes -= end - start;
            if range.end < end {
                self.insert(range.end..end);
            }
            if start < range.start {
                self.insert(start..range.start);
                return;
            }
        }
    }

    /// Unmaps what is kept in `range`, so that the host has nothing there.
    pub(super) fn evict(&mut self, range: &Range<usize>) -> Result<()> {
        while let Some((&start, &end)) = self.kept.range(..range.end).next_back() {
            if end <= range.start {
                break;
            }
            let part = start.max(range.start)..end.min(range.end);
            mem::unmap(&part)?;
            self.carve(&part);
        }
        Ok(())
    }

    /// Unmaps all that is kept.
    pub(super) fn release(&mut self) {
        for (start, end) in core::mem::take(&mut self.kept) {
            if let Err(error) = mem::unmap(&(start..end)) {
                warn!("the host keeps freed memory mapped: {error}");
            }
        }
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carving_leaves_both_ends() {
        let mut recycled = Recycled::default();
        recycled.insert(0x1000..0x4000);
        recycled.insert(0x4000..0x8000);
        assert!(recycled.covers(&(0x2000..0x7000)));
        recycled.carve(&(0x2000..0x6000));
        assert_eq!(recycled.kept.iter().collect::<Vec<_>>(), [(&0x1000, &0x2000), (&0x6000, &0x8000)]);
        assert_eq!(recycled.bytes, 0x3000);
        assert!(!recycled.covers(&(0x1000..0x7000)));
    }
}
