//! What one thread alone uses.

use crate::thread::current_block;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A value that belongs to the first thread that uses it: others don't get at it, so it needs no locked instruction.
#[derive(Debug, Default)]
pub struct ThreadCell<T> {
    /// The address of the owner's block; 0 while nobody owns it.
    owner: AtomicUsize,
    /// The owner is using it, so that it can't get a second reference. Only the owner reads and writes this.
    in_use: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached by the thread whose block is `owner` alone, one reference at a time. It may come from one
// thread to another (`disown`, or dropping), which `Send` allows.
unsafe impl<T: Send> Sync for ThreadCell<T> {}

impl<T> ThreadCell<T> {
    /// Uses the value; `None` if it's another thread's, if it's being used, or where threads have no block.
    #[inline]
    pub fn with<R>(&self, use_it: impl FnOnce(&mut T) -> R) -> Option<R> {
        if !self.is_own() || self.in_use.load(Ordering::Relaxed) {
            return None;
        }
        self.in_use.store(true, Ordering::Relaxed);
        // SAFETY: only the owner comes here, and `in_use` keeps it from coming twice.
        let result = use_it(unsafe { &mut *self.value.get() });
        self.in_use.store(false, Ordering::Relaxed);
        Some(result)
    }

    /// The calling thread gives the value up, if it owns it: the next one that uses it owns it then.
    pub fn disown(&self) {
        if !self.in_use.load(Ordering::Relaxed) && self.owner.load(Ordering::Relaxed) == current_block().addr() {
            self.owner.store(0, Ordering::Release);
        }
    }

    #[inline]
    fn is_own(&self) -> bool {
        let thread = current_block().addr();
        let owner = self.owner.load(Ordering::Relaxed);
        thread != 0 && (owner == thread || owner == 0 && self.claim(thread))
    }

    #[cold]
    fn claim(&self, thread: usize) -> bool {
        self.owner.compare_exchange(0, thread, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }
}
