//! Where there's room in a memory's windows.

use super::memory::Inner;
use super::space;
use crate::prelude::*;
use alloc::collections::BTreeSet;
use core::ops::Range;
use frame::layout::PAGE_SIZE;

/// Free ranges of a memory's windows; neighbours are always joined.
///
/// Those where mappings go without being asked to are also known by length, so that a program with ten thousand gaps
/// between its mappings finds room as fast as any.
#[derive(Clone, Default)]
pub(super) struct Room {
    by_start: BTreeMap<usize, usize>,
    by_len: BTreeSet<(usize, usize)>,
}

impl Room {
    fn insert(&mut self, range: Range<usize>) {
        if range.start >= space::FIRST_CHOSEN {
            self.by_len.insert((range.len(), range.start));
        }
        self.by_start.insert(range.start, range.end);
    }

    fn remove(&mut self, range: &Range<usize>) {
        self.by_start.remove(&range.start);
        self.by_len.remove(&(range.len(), range.start));
    }

    /// The last free range that starts below `addr`.
    fn below(&self, addr: usize) -> Option<Range<usize>> {
        self.by_start.range(..addr).next_back().map(|(&start, &end)| start..end)
    }

    /// The free range that `addr` lies in.
    pub(super) fn around(&self, addr: usize) -> Option<Range<usize>> {
        self.below(addr + 1).filter(|range| addr < range.end)
    }

    /// Makes `range` not free, whatever of it was.
    pub(super) fn take(&mut self, range: &Range<usize>) {
        while let Some(free) = self.below(range.end).filter(|free| free.end > range.start) {
            self.remove(&free);
            if range.end < free.end {
                self.insert(range.end..free.end);
            }
            if free.start < range.start {
                self.insert(free.start..range.start);
                return;
            }
        }
    }

    /// Makes `range`, which isn't, free.
    pub(super) fn put(&mut self, range: Range<usize>) {
        let mut joined = range;
        if let Some(before) = self.below(joined.start).filter(|before| before.end == joined.start) {
            self.remove(&before);
            joined.start = before.start;
        }
        if let Some(&end) = self.by_start.get(&joined.end) {
            self.remove(&(joined.end..end));
            joined.end = end;
        }
        self.insert(joined);
    }

    /// The end of a small free range in which `len` bytes fit at a multiple of `align`.
    fn find(&self, len: usize, align: usize) -> Option<Range<usize>> {
        /// How many ranges are tried that may be aligned badly before one is taken that fits anyhow.
        const TRIES: usize = 16;
        let fits = |&(free_len, start): &(usize, usize)| {
            let at = (start + free_len - len) & !(align - 1);
            (at >= start).then_some(at..at + len)
        };
        let exact = self.by_len.range((len, 0)..).take(TRIES).find_map(fits);
        exact.or_else(|| self.by_len.range((len.checked_add(align - PAGE_SIZE)?, 0)..).next().and_then(fits))
    }

    /// The highest place for `len` bytes that ends at or below `end`.
    fn find_below(&self, end: usize, len: usize) -> Option<Range<usize>> {
        self.by_start.range(..end).rev().find_map(|(&start, &free_end)| {
            let at = free_end.min(end).checked_sub(len)?;
            (at >= start).then_some(at..at + len)
        })
    }

    /// The lowest place for `len` bytes from `start` on.
    fn find_above(&self, start: usize, len: usize) -> Option<Range<usize>> {
        self.by_start.range(start..).find_map(|(&at, &end)| (end - at >= len).then_some(at..at + len))
    }
}

impl Inner {
    /// Takes the windows around `range` if they are free, and knows their room as free.
    pub(super) fn claim(&mut self, id: u64, range: &Range<usize>) -> Result<()> {
        for run in self.space.claim(id, range)? {
            self.put_free(run);
        }
        Ok(())
    }

    /// A free range of `len` bytes at a multiple of `align`, a power of two; takes another window if there's none.
    pub(super) fn find_room(&mut self, id: u64, len: usize, align: usize) -> Result<Range<usize>> {
        if let Some(range) = self.room.find(len, align) {
            return Ok(range);
        }
        let padded = len.checked_add(align - PAGE_SIZE).ok_or(err!(ENOMEM, "the length overflows"))?;
        let run = self.space.take(id, padded, self.random)?;
        self.put_free(run);
        self.room.find(len, align).ok_or(err!(ENOMEM, "the address space is full"))
    }

    /// The highest free range of `len` bytes below 2 GiB.
    pub(super) fn find_low(&mut self, id: u64, len: usize) -> Result<Range<usize>> {
        const LOW_END: usize = 2 << 30;
        self.claim(id, &(frame::layout::USER_MIN..LOW_END))?;
        self.room.find_below(LOW_END, len).ok_or(err!(ENOMEM, "no room below 2 GiB"))
    }

    /// The highest free range of `len` bytes, from a page's start on, that lies in `area`.
    pub(super) fn find_within(&self, area: &Range<usize>, len: usize) -> Option<Range<usize>> {
        let end = frame::layout::page_floor(area.end);
        self.room.find_below(end, len).filter(|found| found.start >= area.start)
    }

    /// The free range of `len` bytes nearest to `near` that lies within `reach` of all of it.
    pub(super) fn find_near(&self, near: &Range<usize>, len: usize, reach: usize) -> Option<Range<usize>> {
        let is_near = |found: &Range<usize>| near.end.max(found.end) - near.start.min(found.start) <= reach;
        let below = self.room.find_below(near.start, len).filter(is_near);
        below.or_else(|| self.room.find_above(near.end, len).filter(is_near))
    }

    /// Makes `range` not free, whatever of it was.
    pub(super) fn take_free(&mut self, range: &Range<usize>) {
        self.room.take(range);
    }

    /// Makes `range`, which isn't, free, but for what is kept for the `brk` area and below the stack.
    pub(super) fn put_free(&mut self, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        let kept = [&self.brk_area, &self.stack_gap].map(Clone::clone);
        match kept.into_iter().find(|kept| kept.start < range.end && range.start < kept.end) {
            Some(kept) => {
                self.put_free(range.start..kept.start.max(range.start));
                self.put_free(kept.end.min(range.end)..range.end);
            }
            None => self.room.put(range),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_joined_and_found_by_length() {
        let base = space::FIRST_CHOSEN;
        let mut room = Room::default();
        room.put(base..base + 0x10000);
        room.take(&(base + 0x4000..base + 0x6000));
        assert_eq!(room.find(0x3000, PAGE_SIZE), Some(base + 0x1000..base + 0x4000));
        assert_eq!(room.find(0x5000, PAGE_SIZE), Some(base + 0xb000..base + 0x10000));
        assert_eq!(room.find(0x5000, 0x8000), Some(base + 0x8000..base + 0xd000));
        assert_eq!(room.find(0xb000, PAGE_SIZE), None);
        room.put(base + 0x4000..base + 0x6000);
        assert_eq!(room.around(base + 0x5000), Some(base..base + 0x10000));
        assert_eq!((room.by_start.len(), room.by_len.len()), (1, 1));
    }
}
