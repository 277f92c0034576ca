//! How the parent of a `vfork` waits until its child lets go of the memory that both use.

use super::thread::Thread;
use core::sync::atomic::{AtomicBool, Ordering};
use frame::sync::{WaitError, WaitQueue};

/// What the parent of a `vfork` waits at.
#[derive(Debug, Default)]
pub(super) struct VforkGate {
    is_open: AtomicBool,
    parent: WaitQueue,
}

impl VforkGate {
    /// The child runs a program of its own, or has ended.
    pub(super) fn open(&self) {
        if !self.is_open.swap(true, Ordering::SeqCst) {
            self.parent.wake_all();
        }
    }

    /// Waits until the child has opened the gate. Nothing interrupts that but the end of the waiting thread.
    pub(super) fn wait(&self, thread: &Thread) {
        let mut was_interrupted = false;
        loop {
            match self.parent.wait_until(None, || self.is_open.load(Ordering::SeqCst).then_some(())) {
                Err(WaitError::Interrupted) if !crate::signal::is_dying(thread) => {
                    was_interrupted = true;
                    frame::thread::forget_wanted();
                }
                _ => break,
            }
        }
        if was_interrupted {
            frame::thread::interrupt_self();
        }
    }
}
