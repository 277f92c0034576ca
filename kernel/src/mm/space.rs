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
use alloc::collections::BTreeSet;
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};
use frame::layout::{LIBOS_BASE, LIBOS_END, TASK_SIZE, USER_MAX, USER_MIN};
use frame::ocall::mem;
use frame::sync::Once;
use linux_raw_sys::general as linux;

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

#[derive(Clone, Debug, Default)]
struct Windows {
    /// Runs of windows by their first address: where they end, and whose they are.
    runs: BTreeMap<usize, (usize, u64)>,
    /// Runs that the host was told not to copy, as another memory was.
    left_out: BTreeSet<usize>,
}

/// Addresses at which windows are chosen freely: above the LibOS, where Linux has its mappings too.
const HIGH: Range<usize> = LIBOS_END..USER_MAX / WINDOW * WINDOW;
/// Below the LibOS, for what doesn't fit there. The lowest terabyte is left to programs that want fixed places.
const LOW: Range<usize> = FIRST_CHOSEN..LIBOS_BASE;
/// Below this, nothing is placed that doesn't ask for it.
pub(super) const FIRST_CHOSEN: usize = 1 << 40;

/// The address space of the first host process.
static FIRST: Once<Arc<AddressSpace>> = Once::new();

impl AddressSpace {
    /// The first host process's.
    pub fn first() -> &'static Arc<Self> {
        FIRST.call_once(Arc::default)
    }

    /// Whether it's the first host process's.
    pub fn is_first(self: &Arc<Self>) -> bool {
        Arc::ptr_eq(self, Self::first())
    }

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
        for (run, other) in windows.overlapping(start..end) {
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
        self.windows.lock().overlapping(around).all(|(_, other)| other == owner)
    }

    /// Whether nobody but `owner` has anything in it.
    pub fn is_only_for(&self, owner: u64) -> bool {
        self.is_free_for(owner, &(0..TASK_SIZE))
    }

    /// Calls `work`, which has the host copy the address space for `owner`, with the windows of all others, which don't
    /// change meanwhile. They are left out of the copy as far as that is quickly said.
    pub(super) fn with_others<R>(&self, owner: u64, work: impl FnOnce(Vec<Range<usize>>) -> R) -> R {
        let mut windows = self.windows.lock();
        windows.leave_out_others(owner);
        let mut others: Vec<Range<usize>> = Vec::new();
        for (&start, &(end, _)) in windows.runs.iter().filter(|&(_, &(_, other))| other != owner) {
            match others.last_mut() {
                Some(last) if last.end == start => last.end = end,
                _ => others.push(start..end),
            }
        }
        work(others)
    }

    /// Gives `owner` the windows that `original` has in `other`.
    pub(super) fn adopt(&self, owner: u64, other: &Self, original: u64) {
        let theirs = other.windows.lock().clone();
        let mut windows = self.windows.lock();
        for (start, (end, _)) in theirs.runs.into_iter().filter(|&(_, (_, of))| of == original) {
            windows.insert(start..end, owner);
        }
    }

    /// The windows of `owner`.
    pub(super) fn windows_of(&self, owner: u64) -> Vec<Range<usize>> {
        let windows = self.windows.lock();
        windows.runs.iter().filter(|&(_, &(_, other))| other == owner).map(|(&start, &(end, _))| start..end).collect()
    }

    /// Gives all windows of `owner` back but these.
    pub(super) fn keep_windows(&self, owner: u64, kept: &[Range<usize>]) {
        let is_kept = |start: usize| kept.iter().any(|window| window.start == start);
        let mut windows = self.windows.lock();
        if windows.runs.iter().any(|(&start, &(_, other))| other == owner && !is_kept(start)) {
            windows.runs.retain(|&start, &mut (_, other)| other != owner || is_kept(start));
        }
    }

    /// Whether no memory is in it, not even one that is kept.
    pub fn is_empty(&self) -> bool {
        self.memories.load(Ordering::SeqCst) == 0 && self.spares.lock().is_empty()
    }

    /// Whether the address space is needed when one of its memories isn't any more.
    pub fn outlives_last(&self) -> bool {
        frame::host_process::is_first() || self.memories.load(Ordering::SeqCst) > 1
    }

    /// Gives all windows of `owner` back.
    pub(super) fn release(&self, owner: u64) {
        self.windows.lock().runs.retain(|_, &mut (_, other)| other != owner);
    }
}

impl Windows {
    fn insert(&mut self, run: Range<usize>, owner: u64) {
        self.left_out.remove(&run.start);
        self.runs.insert(run.start, (run.end, owner));
    }

    /// Tells the host which windows are to be copied: those of `owner`. What the others map later is copied nevertheless,
    /// until they are told of again.
    fn leave_out_others(&mut self, owner: u64) {
        for (&start, &(end, other)) in &self.runs {
            let is_own = other == owner;
            if is_own != self.left_out.contains(&start) {
                continue;
            }
            let advice = if is_own { linux::MADV_DOFORK } else { linux::MADV_DONTFORK };
            let range = start.max(USER_MIN)..end.min(USER_MAX);
            // It's done for all that is mapped there, even if it fails because not everything is.
            match mem::advise(&range, advice).map_err(Error::errno) {
                Ok(()) | Err(Errno::ENOMEM) => {}
                Err(errno) => debug!("the host doesn't know what to copy: {errno:?}"),
            }
            if is_own {
                self.left_out.remove(&start);
            } else {
                self.left_out.insert(start);
            }
        }
    }

    fn overlapping(&self, range: Range<usize>) -> impl Iterator<Item = (Range<usize>, u64)> {
        let first = self.runs.range(..range.start).next_back().filter(|&(_, &(end, _))| end > range.start);
        first.into_iter().chain(self.runs.range(range)).map(|(&start, &(end, owner))| (start..end, owner))
    }

    /// The highest free run of `len` bytes in `range`.
    fn find_free(&self, range: Range<usize>, len: usize) -> Option<Range<usize>> {
        let mut end = range.end;
        for (&start, &(run_end, _)) in self.runs.range(..range.end).rev() {
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
        let mut windows = Windows::default();
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
