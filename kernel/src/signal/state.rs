//! What is a thread's own about signals.

use super::{SigSet, SignalQueue};
use crate::prelude::*;
use crate::process::Thread;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Mask, pending signals and alternate stack of a thread.
#[derive(Debug, Default)]
pub struct ThreadSignals {
    /// What is blocked.
    pub(super) mask: SigSet,
    /// What the handler that interrupts a wait with a mask of its own returns to.
    pub(super) saved_mask: Option<SigSet>,
    /// What is pending for the thread alone.
    pub(super) queue: SignalQueue,
    pub(super) alternate_stack: AlternateStack,
}

/// `stack_t` (`man 2 sigaltstack`).
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct AlternateStack {
    pub(super) sp: u64,
    pub(super) flags: u32,
    pub(super) pad: u32,
    pub(super) size: u64,
}

pub(super) const SS_ONSTACK: u32 = 1;
pub(super) const SS_DISABLE: u32 = 2;
pub(super) const SS_AUTODISARM: u32 = 1 << 31;

impl Default for AlternateStack {
    fn default() -> Self {
        Self { sp: 0, flags: SS_DISABLE, pad: 0, size: 0 }
    }
}

impl AlternateStack {
    /// Whether a stack pointer is on it.
    pub(super) fn contains(&self, sp: u64) -> bool {
        self.flags & SS_AUTODISARM == 0 && sp > self.sp && sp - self.sp <= self.size
    }

    /// As `sigaltstack` shows it to somebody whose stack pointer is `sp`.
    pub(super) fn shown(mut self, sp: u64) -> Self {
        if self.size == 0 {
            self.flags = SS_DISABLE;
        } else if self.contains(sp) {
            self.flags |= SS_ONSTACK;
        }
        self
    }
}

impl ThreadSignals {
    /// What a new thread gets: the mask, nothing else.
    pub fn inherit(parent: &Self) -> Self {
        Self { mask: parent.mask, ..Self::default() }
    }

    /// What is pending, as `/proc` shows it.
    pub fn pending_bits(&self) -> u64 {
        self.queue.pending_bits()
    }

    /// What is blocked, as `/proc` shows it.
    pub fn mask_bits(&self) -> u64 {
        self.mask.bits()
    }
}

/// What `execve` makes of the signal state of the process's only thread.
pub fn reset_for_exec(thread: &Arc<Thread>) {
    thread.process.dispositions.lock().reset_handlers();
    thread.signals.lock().alternate_stack = AlternateStack::default();
}
