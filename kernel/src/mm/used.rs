//! How much of a range the runs of a program write to.

use crate::prelude::*;
use core::ops::Range;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use frame::layout::PAGE_SIZE;
use frame::ocall::mem;

/// The pages of a range that a program writes to from one of its ends on, as some of its runs did: to ask the host after
/// each run costs more than to zero those.
#[derive(Debug, Default)]
pub(super) struct Used {
    /// The most that was seen.
    pages: AtomicUsize,
    runs: AtomicU32,
}

/// Where in a range a program begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// At its start, as in a heap.
    Start,
    /// At its end, as in a stack.
    End,
}

/// How far from where a program begins pages are looked for; the host takes those beyond.
const MOST: usize = 128 << 10;

impl Used {
    /// Makes anonymous memory at `range` read as zeroes after a run.
    pub(super) fn zero(&self, range: &Range<usize>, from: From) -> Result<()> {
        let (nearest, _) = split(range, from, MOST);
        // It is looked at less and less often.
        if self.runs.fetch_add(1, Ordering::Relaxed).wrapping_add(1).is_power_of_two() {
            self.pages.fetch_max(pages_used(&nearest, from)?, Ordering::Relaxed);
        }
        let (used, rest) = split(range, from, self.pages.load(Ordering::Relaxed) * PAGE_SIZE);
        UserSlice::new(used.start, used.len())?.zero()?;
        if rest.is_empty() { Ok(()) } else { mem::advise(&rest, linux_raw_sys::general::MADV_DONTNEED) }
    }
}

/// The first `len` bytes from where a program begins, and the rest.
fn split(range: &Range<usize>, from: From, len: usize) -> (Range<usize>, Range<usize>) {
    let len = len.min(range.len());
    match from {
        From::Start => (range.start..range.start + len, range.start + len..range.end),
        From::End => (range.end - len..range.end, range.start..range.end - len),
    }
}

fn pages_used(range: &Range<usize>, from: From) -> Result<usize> {
    let resident = mem::resident(range)?;
    let mut is_there = resident.iter().map(|&page| page & 1 != 0);
    let farthest = match from {
        From::Start => is_there.rposition(|is_there| is_there).map_or(0, |index| index + 1),
        From::End => is_there.position(|is_there| is_there).map_or(0, |index| resident.len() - index),
    };
    Ok(farthest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_where_a_program_begins() {
        assert_eq!(split(&(10..100), From::Start, 20), (10..30, 30..100));
        assert_eq!(split(&(10..100), From::End, 20), (80..100, 10..80));
        assert_eq!(split(&(10..100), From::End, 200), (10..100, 10..10));
    }
}
