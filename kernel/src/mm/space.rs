//! Address spaces, and the windows in which they are handed out to processes.
//!
//! An [`AddressSpace`] is a host process. Processes share one until they can't: a `fork` needs the same addresses twice, and
//! a program may want a fixed place that is taken.
//!
//! A window is 16 GiB, aligned. A process gets windows of its own, in which it places its mappings without looking at
//! others; a reservation that is larger takes several neighbouring windows at once, so that even one of many terabytes
//! costs one entry per run.

use super::Memory;
use crate::prelude::*;
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};
use frame::layout::{LIBOS_BASE, LIBOS_END, USER_MAX, USER_MIN};

/// An address space: what a host process can map.
#[derive(Default)]
pub struct AddressSpace {
    windows: Mutex<Windows>,
    /// How many memories are in it.
    pub(super) memories: AtomicUsize,
    /// Memories that are kept for the next runs of their programs, the oldest first; they aren't counted.
    pub(super) spares: Mutex<VecDeque<Arc<Memory>>>,
}

/// Size of a window in bytes.
pub(super) const WINDOW: usize = 16 << 30;

/// Runs of windows by their first address: where they end, and whose they are.
#[derive(Clone, Debug, Default)]
struct Windows(BTreeMap<usize, (usize, u64)>);

/// Addresses at which windows are chosen freely: above the LibOS, where Linux has its mappings too.
const HIGH: Range<usize> = LIBOS_END..USER_MAX / WINDOW * WINDOW;
/// Below the LibOS, for what doesn't fit there. The lowest terabyte is left to programs that want fixed places.
const LOW: Range<usize> = FIRST_CHOSEN..LIBOS_BASE;
/// Below this, nothing is placed that doesn't ask for it.
pub(super) const FIRST_CHOSEN: usize = 1 << 40;

impl AddressSpace {
    /// Takes a run of windows of at least `len` bytes for `owner`, the first free one at or below a random place.
    pub(super) fn take(&self, owner: u64, len: usize, random: u64) -> Result<Range<usize>> {
        let len = len.checked_next_multiple_of(WINDOW).ok_or(Errno::ENOMEM)?;
        let mut windows = self.windows.lock();
        // The upper half of the range leaves room below whatever the start.
        let spread = (HIGH.end - HIGH.start) / 8 / WINDOW;
        let top = HIGH.end - (random as usize % spread) * WINDOW;
        let found = windows
            .find_free(HIGH.start..top, len)
            .or_else(|| windows.find_free(HIGH, len))
            .or_else(|| windows.find_free(LOW, len))
            .ok_or(err!(ENOMEM, "the address space is full"))?;
        windows.insert(found.clone(), owner);
        Ok(found)
    }

    /// Takes the windows around `range` for `owner`; gives those that weren't its own before.
    pub(super) fn claim(&self, owner: u64, range: &Range<usize>) -> Result<Vec<Range<usize>>> {
        let start = range.start / WINDOW * WINDOW;
        let end = range.end.next_multiple_of(WINDOW);
        let mut windows = self.windows.lock();
        let mut missing = Vec::new();
        let mut at = start;
        for (run, other) in windows.overlapping(&(start..end)) {
            if other != owner {
                bail!(ENOMEM, "another process of this address space is there");
            }
            if at < run.start {
                missing.push(at..run.start);
            }
            at = at.max(run.end);
        }
        if at < end {
            missing.push(at..end);
        }
        for run in &missing {
            windows.insert(run.clone(), owner);
        }
        // What no program may map is no part of it.
        Ok(missing.into_iter().map(|run| run.start.max(USER_MIN)..run.end.min(USER_MAX)).collect())
    }

    /// Whether nobody but `owner` has windows around `range`.
    pub fn is_free_for(&self, owner: u64, range: &Range<usize>) -> bool {
        let around = range.start / WINDOW * WINDOW..range.end.next_multiple_of(WINDOW);
        self.windows.lock().overlapping(&around).iter().all(|&(_, other)| other == owner)
    }

    /// Calls `work` with the windows of all but `owner`, which don't change meanwhile.
    pub(super) fn with_others<R>(&self, owner: u64, work: impl FnOnce(Vec<Range<usize>>) -> R) -> R {
        let windows = self.windows.lock();
        let others = windows.0.iter().filter(|&(_, &(_, other))| other != owner).map(|(&start, &(end, _))| start..end);
        work(others.collect())
    }

    /// Gives `owner` the windows that `original` has in `other`.
    pub(super) fn adopt(&self, owner: u64, other: &Self, original: u64) {
        let theirs = other.windows.lock().clone();
        let mut windows = self.windows.lock();
        for (start, (end, _)) in theirs.0.into_iter().filter(|&(_, (_, of))| of == original) {
            windows.insert(start..end, owner);
        }
    }

    /// The windows of `owner`.
    pub(super) fn windows_of(&self, owner: u64) -> Vec<Range<usize>> {
        let windows = self.windows.lock();
        windows.0.iter().filter(|&(_, &(_, other))| other == owner).map(|(&start, &(end, _))| start..end).collect()
    }

    /// Gives all windows of `owner` back but these.
    pub(super) fn keep_windows(&self, owner: u64, kept: &[Range<usize>]) {
        let is_kept = |start: usize| kept.iter().any(|window| window.start == start);
        self.windows.lock().0.retain(|&start, &mut (_, other)| other != owner || is_kept(start));
    }

    /// Whether no memory is in it.
    pub fn is_empty(&self) -> bool {
        self.memories.load(Ordering::SeqCst) == 0
    }

    /// Gives all windows of `owner` back.
    pub(super) fn release(&self, owner: u64) {
        self.windows.lock().0.retain(|_, &mut (_, other)| other != owner);
    }
}

impl Windows {
    fn insert(&mut self, run: Range<usize>, owner: u64) {
        self.0.insert(run.start, (run.end, owner));
    }

    fn overlapping(&self, range: &Range<usize>) -> Vec<(Range<usize>, u64)> {
        let first = self.0.range(..range.start).next_back().filter(|&(_, &(end, _))| end > range.start);
        first
            .into_iter()
            .chain(self.0.range(range.clone()))
            .map(|(&start, &(end, owner))| (start..end, owner))
            .collect()
    }

    /// The highest free run of `len` bytes in `range`.
    fn find_free(&self, range: Range<usize>, len: usize) -> Option<Range<usize>> {
        let mut end = range.end;
        for (&start, &(run_end, _)) in self.0.range(..range.end).rev() {
            if run_end.max(range.start) + len <= end {
                break;
            }
            end = end.min(start);
        }
        (range.start + len <= end).then(|| end - len..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_highest_gap() {
        let mut windows = Windows(BTreeMap::new());
        assert_eq!(windows.find_free(0..10, 3), Some(7..10));
        windows.insert(8..10, 1);
        assert_eq!(windows.find_free(0..10, 3), Some(5..8));
        windows.insert(4..6, 2);
        assert_eq!(windows.find_free(0..10, 3), Some(1..4));
        assert_eq!(windows.find_free(0..10, 5), None);
        assert_eq!(windows.find_free(7..10, 1), Some(7..8));
        assert_eq!(windows.find_free(7..10, 2), None);
    }
}
