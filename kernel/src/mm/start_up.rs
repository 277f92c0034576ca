//! The heap that a static program's own start-up code takes, left in place for the next run.
//!
//! A program that has no dynamic linker does that work itself before its `main` runs: it takes a heap, relocates itself,
//! and protects what it has relocated last. The next run will do the same. So a memory that waits for it keeps that much of
//! the heap as the program will have it, and while the program takes it, the host needn't do anything.
//!
//! Meanwhile the program could write beyond its break. That ends when it protects something, or makes another system call
//! that such code doesn't make. A program that doesn't first protect a part of its file from being written keeps nothing.

use super::memory::Inner;
use super::recycle::is_recyclable;
use crate::prelude::*;
use core::ops::Range;
use frame::layout::page_ceil;
use frame::ocall::mem::{self, Prot};

/// Where a program's start-up code is, as far as its heap tells.
#[derive(Default)]
pub(super) struct StartUp {
    phase: Phase,
    /// What is left of the last run's heap above the break, all zeroes.
    left: Range<usize>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// It's done, or nothing is known of it.
    #[default]
    Over,
    /// It's done, and the heap ended there then.
    EndedWithHeap(usize),
    /// It runs.
    Running,
}

/// The longest heap that is left.
const MAX_LEFT: usize = 256 << 10;

impl StartUp {
    /// A program is about to start, with this left of its last run's heap.
    pub(super) fn begin(&mut self, left: Range<usize>) {
        *self = Self { phase: Phase::Running, left };
    }

    pub(super) fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }

    /// Takes `range`, which the heap grows by, from what is left. Gives whether that was all of it.
    pub(super) fn take(&mut self, range: &Range<usize>) -> bool {
        let is_left = self.left.start == range.start && range.end <= self.left.end && !range.is_empty();
        if is_left {
            self.left.start = range.end;
        }
        is_left
    }

    /// Forgets what is left around `range`, which the host has replaced.
    pub(super) fn carve(&mut self, range: &Range<usize>) {
        if range.start < self.left.end && self.left.start < range.end {
            let left = core::mem::take(&mut self.left);
            give_up(left.start..range.start);
            give_up(range.end..left.end);
        }
    }

    /// Unmaps what is left.
    pub(super) fn release(&mut self) {
        give_up(core::mem::take(&mut self.left));
    }
}

fn give_up(range: Range<usize>) {
    if !range.is_empty()
        && let Err(error) = mem::unmap(&range)
    {
        warn!("the host keeps what a program's last run had as its heap: {error}");
    }
}

impl Inner {
    /// The program is about to give `range` this protection. If that is what it has relocated, its start-up code does that
    /// last.
    pub(super) fn end_start_up(&mut self, range: &Range<usize>, prot: Prot) {
        if !self.start_up.is_running() {
            return;
        }
        self.hide_left_heap();
        let is_of_file = self.vmas.find(range.start).is_some_and(|(_, vma)| vma.source.is_some());
        self.start_up.phase = match page_ceil(self.brk) {
            Some(end) if is_of_file && prot == Prot::READ => Phase::EndedWithHeap(end),
            _ => Phase::Over,
        };
    }

    /// The program does what its start-up code doesn't.
    pub(super) fn give_up_start_up(&mut self) {
        if self.start_up.is_running() {
            self.hide_left_heap();
            self.start_up.phase = Phase::Over;
        }
    }

    /// The heap that an ended program took while it started, if that can be left for its next run. It begins at `start`.
    pub(super) fn heap_to_leave(&self, start: usize) -> Range<usize> {
        let Phase::EndedWithHeap(end) = self.start_up.phase else { return 0..0 };
        let heap = start..end;
        let is_whole = self.vmas.find(start).is_some_and(|(found, vma)| is_recyclable(vma) && end <= found.end);
        if heap.len() <= MAX_LEFT && is_whole { heap } else { 0..0 }
    }

    fn hide_left_heap(&mut self) {
        let left = core::mem::take(&mut self.start_up.left);
        if left.is_empty() {
            return;
        }
        if let Err(error) = self.recycled.hide_anonymous(&left) {
            debug!("the host doesn't hide what the last run left: {error}");
            give_up(left);
        }
    }
}
