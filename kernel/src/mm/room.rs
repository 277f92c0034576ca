//! Where there's room in a memory's windows.

use super::memory::Inner;
use super::window;
use crate::prelude::*;
use core::ops::Range;
use frame::layout::PAGE_SIZE;

impl Inner {
    /// Takes the windows around `range` if they are free, and knows their room as free.
    pub(super) fn claim(&mut self, id: u64, range: &Range<usize>) -> Result<()> {
        for run in window::claim(id, range)? {
            self.put_free(run);
        }
        Ok(())
    }

    /// The highest free range of `len` bytes at a multiple of `align`; takes another window if there's none.
    pub(super) fn find_room(&mut self, id: u64, len: usize, align: usize) -> Result<Range<usize>> {
        if let Some(range) = self.find_free(len, align, usize::MAX) {
            return Ok(range);
        }
        let padded = len.checked_add(align).ok_or(err!(ENOMEM, "the length overflows"))?;
        let run = window::take(id, padded, self.random)?;
        self.put_free(run);
        self.find_free(len, align, usize::MAX)
            .ok_or(err!(ENOMEM, "the address space is full"))
    }

    pub(super) fn find_low(&mut self, id: u64, len: usize) -> Result<Range<usize>> {
        const LOW_END: usize = 2 << 30;
        self.claim(id, &(frame::layout::USER_MIN..LOW_END))?;
        self.find_free(len, PAGE_SIZE, LOW_END)
            .ok_or(err!(ENOMEM, "no room below 2 GiB"))
    }

    fn find_free(&self, len: usize, align: usize, below: usize) -> Option<Range<usize>> {
        self.free.range(..below).rev().find_map(|(&start, &end)| {
            let at = end.min(below).checked_sub(len)? & !(align - 1);
            (at >= start).then_some(at..at + len)
        })
    }

    /// The free range of `len` bytes nearest to `near` that lies within `reach` of all of it.
    pub(super) fn find_near(&self, near: &Range<usize>, len: usize, reach: usize) -> Option<Range<usize>> {
        let fits = |at: usize| {
            let all = near.start.min(at)..near.end.max(at + len);
            (all.len() <= reach).then_some(at..at + len)
        };
        let below = self.free.range(..near.start).rev().find_map(|(&start, &end)| {
            let at = end.min(near.start).checked_sub(len)?;
            (at >= start).then_some(at)
        });
        let above = self
            .free
            .range(near.end..)
            .find_map(|(&start, &end)| (end - start >= len).then_some(start));
        below.and_then(fits).or_else(|| above.and_then(fits))
    }

    /// Makes `range` not free, whatever of it was.
    pub(super) fn take_free(&mut self, range: &Range<usize>) {
        loop {
            let Some((&start, &end)) = self.free.range(..range.end).next_back() else {
                return;
            };
            if end <= range.start {
                return;
            }
            self.free.remove(&start);
            if range.end < end {
                self.free.insert(range.end, end);
            }
            if start < range.start {
                self.free.insert(start, range.start);
                return;
            }
        }
    }

    /// Makes `range`, which isn't, free, but for what is kept for the `brk` area and below the stack.
    pub(super) fn put_free(&mut self, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        let kept = [self.brk_area.clone(), self.stack_gap.clone()];
        if let Some(kept) = kept
            .into_iter()
            .find(|kept| kept.start < range.end && range.start < kept.end)
        {
            self.put_free(range.start..kept.start.max(range.start));
            self.put_free(kept.end.min(range.end)..range.end);
            return;
        }
        let (mut start, mut end) = (range.start, range.end);
        if let Some((&before, &before_end)) = self.free.range(..start).next_back()
            && before_end == start
        {
            start = before;
        }
        if let Some(next_end) = self.free.remove(&end) {
            end = next_end;
        }
        self.free.insert(start, end);
    }
}
