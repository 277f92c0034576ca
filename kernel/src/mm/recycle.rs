//! Freed memory that is kept for reuse.
//!
//! A page that a program touches for the first time costs a fault, one to three microseconds each, and giving it back
//! costs again. So small private ranges that a program frees stay with it, inaccessible, until it maps memory there
//! anew; then those pages that are resident are zeroed, which costs far less than a fault each. Pages that were never
//! touched stay so, but in the smallest ranges.

use super::map::runs;
use super::memory::{Inner, Memory};
use super::source::MapSource;
use super::vma::{InChildren, Kind, Vma};
use crate::prelude::*;
use core::ops::Range;
use frame::layout::PAGE_SIZE;
use frame::ocall::mem::{self, Prot, Sharing};

/// Freed ranges by start. The host has them mapped without access.
#[derive(Default)]
pub(super) struct Recycled {
    kept: BTreeMap<usize, Kept>,
    /// Of anonymous memory; files' pages are the host's.
    bytes: usize,
    /// Ranges that the host keeps apart, by start: where they end.
    apart: BTreeMap<usize, usize>,
    /// How many ranges were freed that could have been kept.
    seen: u32,
}

/// What is kept from a place on.
#[derive(Clone)]
struct Kept {
    end: usize,
    /// What of which file it shows, unwritten; anonymous memory otherwise.
    file: Option<(Arc<dyn MapSource>, u64)>,
}

/// The longest range that is kept.
const MAX_LEN: usize = 1 << 20;
/// The most that a process keeps.
const MAX_BYTES: usize = 64 << 20;
/// How many ranges the host is told to keep apart.
const MAX_APART: usize = 256;
/// Programs that free less often than this gain nothing.
const WARM_UP: u32 = 16;
/// The most that waits for a program's next run; the host may take its pages when it has none.
const MAX_BYTES_BETWEEN_RUNS: usize = 16 << 20;
/// Up to this length, the pages of a range between two runs aren't worth the host's attention.
const MAX_LEN_HELD: usize = 256 << 10;
/// Up to this length, which `posix_spawn`'s stacks have, to ask which pages there are costs more than to zero all.
const MAX_ZEROED: usize = 40 << 10;
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
    if inner.recycled.hide_anonymous(range).is_err() {
        return false;
    }
    memory.drop_vmas(inner, range);
    inner.put_free(range.clone());
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
    inner.recycled.set_apart(range);
    true
}

/// Whether a mapping is anonymous memory of the usual kind.
pub(super) fn is_recyclable(vma: &Vma) -> bool {
    matches!(vma.kind, Kind::Plain | Kind::Heap)
        && vma.prot == READ_WRITE
        && vma.sharing == Sharing::Private
        && vma.source.is_none()
        && !vma.is_locked
        && vma.in_children == InChildren::All
}

/// Makes anonymous memory read as zeroes: its resident pages are zeroed, unless there are so many that new ones cost less.
pub(super) fn zero_resident(range: &Range<usize>) -> Result<()> {
    zero_mostly(range, MAX_ZEROED)
}

/// As [`zero_resident`], for memory of which most is resident: up to `limit` bytes, zeroing all of it costs less than asking
/// which pages there are.
pub(super) fn zero_mostly(range: &Range<usize>, limit: usize) -> Result<()> {
    const MAX_ZEROED_PAGES: usize = 1024;
    if range.len() <= limit {
        return UserSlice::new(range.start, range.len())?.zero();
    }
    let resident = mem::resident(range)?;
    if resident.iter().filter(|&&page| page & 1 != 0).count() > MAX_ZEROED_PAGES {
        return mem::advise(range, linux_raw_sys::general::MADV_DONTNEED);
    }
    zero_pages(range.start, &resident)
}

/// Makes anonymous memory from `start` on read as zeroes; which pages of it are resident is known, a byte each.
pub(super) fn zero_pages(start: usize, resident: &[u8]) -> Result<()> {
    let mut at = start;
    for run in resident.chunk_by(|a, b| a & 1 == b & 1) {
        let len = run.len() * PAGE_SIZE;
        if run[0] & 1 != 0 {
            UserSlice::new(at, len)?.zero()?;
        } else {
            // The host may have written such pages to its swap space, with what was in them.
            mem::advise(&(at..at + len), linux_raw_sys::general::MADV_DONTNEED)?;
        }
        at += len;
    }
    Ok(())
}

impl Recycled {
    /// A range that was kept and mapped again will be once more: makes that cheaper.
    fn set_apart(&mut self, range: &Range<usize>) {
        // What is beside one that is apart isn't joined to it either.
        let is_apart = self.apart.contains_key(&range.start)
            || self.apart.contains_key(&range.end)
            || self.apart.range(..range.start).next_back().is_some_and(|(_, &end)| end >= range.start);
        if !is_apart && self.apart.len() < MAX_APART && mem::set_apart(range).is_ok() {
            self.apart.insert(range.start, range.end);
        }
    }

    fn insert(&mut self, range: Range<usize>, file: Option<(Arc<dyn MapSource>, u64)>) {
        if file.is_none() {
            self.bytes += range.len();
        }
        self.kept.insert(range.start, Kept { end: range.end, file });
    }

    /// Keeps these mappings, anonymous ones or unwritten ones of files.
    pub(super) fn hide(&mut self, mappings: Vec<(Range<usize>, Vma)>) -> Result<()> {
        for run in runs(&mappings) {
            mem::protect(&run, Prot::empty())?;
        }
        for (range, vma) in mappings {
            self.insert(range, vma.source);
        }
        Ok(())
    }

    /// Keeps anonymous memory at `range`.
    pub(super) fn hide_anonymous(&mut self, range: &Range<usize>) -> Result<()> {
        mem::protect(range, Prot::empty())?;
        self.insert(range.clone(), None);
        Ok(())
    }

    /// Keeps these mappings and what is kept already, as far as `may_keep` goes, until the program runs again.
    pub(super) fn keep_for_next_run(
        &mut self,
        mappings: Vec<(Range<usize>, Vma)>,
        may_keep: impl Fn(&Range<usize>) -> bool,
    ) -> Result<()> {
        for range in self.ranges() {
            if !may_keep(&range) {
                self.evict(&range)?;
            }
        }
        self.hide(mappings)?;
        for range in self.ranges().into_iter().rev() {
            if !self.covers(&range) {
                continue;
            }
            if self.bytes > MAX_BYTES_BETWEEN_RUNS {
                self.evict(&range)?;
            } else if range.len() > MAX_LEN_HELD {
                mem::advise(&range, linux_raw_sys::general::MADV_FREE)?;
            }
        }
        Ok(())
    }

    fn ranges(&self) -> Vec<Range<usize>> {
        self.kept.iter().map(|(&start, kept)| start..kept.end).collect()
    }

    /// Whether all of `range` is memory that is kept, in however many pieces.
    fn covers(&self, range: &Range<usize>) -> bool {
        let mut at = range.start;
        while at < range.end {
            match self.kept.range(..=at).next_back() {
                Some((_, kept)) if kept.end > at && kept.file.is_none() => at = kept.end,
                _ => return false,
            }
        }
        true
    }

    /// The parts of `range` that show a file, and what of it.
    pub(super) fn files_in(&self, range: &Range<usize>) -> Vec<(Range<usize>, Arc<dyn MapSource>, u64)> {
        let before = self.kept.range(..range.start).next_back();
        let parts = before.into_iter().chain(self.kept.range(range.clone()));
        let part = |(&start, kept): (&usize, &'_ Kept)| {
            let part = start.max(range.start)..kept.end.min(range.end);
            let (source, offset) = kept.file.as_ref().filter(|_| !part.is_empty())?;
            let offset = offset + (part.start - start) as u64;
            Some((part, source.clone(), offset))
        };
        parts.filter_map(part).collect()
    }

    /// Forgets what is kept in `range`, which the host has replaced.
    pub(super) fn carve(&mut self, range: &Range<usize>) {
        while let Some((&start, kept)) = self.kept.range(..range.end).next_back() {
            let (end, file) = (kept.end, kept.file.clone());
            if end <= range.start {
                return;
            }
            self.kept.remove(&start);
            if file.is_none() {
                self.bytes -= end - start;
            }
            if range.end < end {
                let skipped = (range.end - start) as u64;
                self.insert(range.end..end, file.clone().map(|(source, offset)| (source, offset + skipped)));
            }
            if start < range.start {
                self.insert(start..range.start, file);
                return;
            }
        }
    }

    /// Unmaps what is kept in `range`, so that the host has nothing there.
    pub(super) fn evict(&mut self, range: &Range<usize>) -> Result<()> {
        while let Some((&start, kept)) = self.kept.range(..range.end).next_back() {
            if kept.end <= range.start {
                break;
            }
            let part = start.max(range.start)..kept.end.min(range.end);
            mem::unmap(&part)?;
            self.carve(&part);
        }
        Ok(())
    }

    /// Unmaps all that is kept.
    pub(super) fn release(&mut self) {
        self.apart.clear();
        for (start, kept) in core::mem::take(&mut self.kept) {
            if let Err(error) = mem::unmap(&(start..kept.end)) {
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
        recycled.insert(0x1000..0x4000, None);
        recycled.insert(0x4000..0x8000, None);
        assert!(recycled.covers(&(0x2000..0x7000)));
        recycled.carve(&(0x2000..0x6000));
        assert_eq!(recycled.ranges(), [0x1000..0x2000, 0x6000..0x8000]);
        assert_eq!(recycled.bytes, 0x3000);
        assert!(!recycled.covers(&(0x1000..0x7000)));
    }
}
