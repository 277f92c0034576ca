//! What is a thread's own about signals.

use super::{SigSet, Signal, SignalQueue};
use crate::prelude::*;
use crate::process::Thread;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Mask, pending signals and alternate stack of a thread.
#[derive(Debug, Default)]
pub struct ThreadSignals {
    /// What is blocked.
    pub(super) mask: SigSet,
    /// What `sigtimedwait` waits for; wakes the thread though it's blocked.
    pub(super) awaited: SigSet,
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

    /// What becomes of it when a program whose stack pointer is `sp` sets `new`.
    ///
    /// # Errors
    /// `EPERM` while it is in use, `EINVAL` for undefined flags, `ENOMEM` if `new` is too small.
    pub(super) fn replaced(self, new: Self, sp: u64) -> Result<Self> {
        const MINSIGSTKSZ: u64 = 2048;
        if self.contains(sp) {
            bail!(EPERM, "the alternate stack is in use");
        }
        match new.flags & !SS_AUTODISARM {
            SS_DISABLE => Ok(Self { flags: SS_DISABLE | new.flags & SS_AUTODISARM, ..Self::default() }),
            0 | SS_ONSTACK if new.size < MINSIGSTKSZ => Err(err!(ENOMEM, "the stack is too small")),
            0 | SS_ONSTACK => Ok(Self { pad: 0, ..new }),
            _ => Err(err!(EINVAL, "undefined flags")),
        }
    }

    /// The end that a handler's frame starts from, if it has one.
    pub(super) fn top(&self) -> Option<u64> {
        (self.size > 0).then(|| self.sp.wrapping_add(self.size))
    }

    /// As `sigaltstack` shows it to somebody whose stack pointer is `sp`.
    pub(super) fn shown(mut self, sp: u64) -> Self {
        self.flags &= SS_AUTODISARM;
        if self.size == 0 {
            self.flags |= SS_DISABLE;
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

    /// What the child of a `fork` or `vfork` gets in addition.
    pub fn inherit_alternate_stack(&mut self, parent: &Self) {
        self.alternate_stack = parent.alternate_stack;
    }

    /// Whether a signal of the process makes the thread look after it.
    pub(super) fn wants(&self, signal: Signal) -> bool {
        !self.wanted_of(SigSet::only(signal)).is_empty()
    }

    /// Which of these signals make the thread look after them.
    pub(super) fn wanted_of(&self, set: SigSet) -> SigSet {
        set.without(self.mask.without(self.awaited))
    }

    /// Whether all that is queued is pending.
    pub fn is_consistent(&self) -> bool {
        self.queue.is_consistent()
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
    thread.process.unshare_dispositions().lock().reset_handlers();
    thread.signals.lock().alternate_stack = AlternateStack::default();
    thread.process.timers.forget_posix();
}
