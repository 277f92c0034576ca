//! How long a thread looks before it sleeps.

use crate::ocall;
use crate::ocall::time::{self, Clock};
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

/// How long one look lasts: about what it costs to sleep and be woken on another processor.
const SPIN: Duration = Duration::from_micros(15);
/// How often to look before the processor is offered to others.
const LOOKS: usize = 8;
/// A thread whose looks were in vain looks at one wait in two to the power of this many.
const MOST_FAILURES: u32 = 10;

/// Whether looking pays for a thread, learnt from its last waits. With long waits it never does.
#[derive(Debug, Default)]
pub(super) struct Patience {
    failures: AtomicU32,
    /// Waits to let pass before the next try.
    skipped: AtomicU32,
}

impl Patience {
    /// Looks until `is_done` or some time has passed, if that is worth a try.
    pub(super) fn spin(&self, is_done: impl Fn() -> bool) {
        // Only the thread itself waits, so plain loads and stores do.
        let skipped = self.skipped.load(Ordering::Relaxed);
        if skipped > 0 {
            self.skipped.store(skipped - 1, Ordering::Relaxed);
            return;
        }
        let end = time::now(Clock::Monotonic) + SPIN;
        loop {
            let is_done = (0..LOOKS).any(|_| {
                core::hint::spin_loop();
                is_done()
            });
            if time::now(Clock::Monotonic) >= end {
                break;
            }
            if is_done {
                self.failures.store(0, Ordering::Relaxed);
                return;
            }
            // Whoever is to do it may be waiting for this very processor.
            ocall::thread::yield_now();
        }
        let failures = (self.failures.load(Ordering::Relaxed) + 1).min(MOST_FAILURES);
        self.failures.store(failures, Ordering::Relaxed);
        self.skipped.store((1 << failures) - 1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;

    #[test]
    fn looks_in_vain_become_rare_and_a_success_restores_them() {
        let patience = Patience::default();
        let looked = Cell::new(0);
        let spin = |done: bool| {
            let seen = Cell::new(false);
            patience.spin(|| {
                seen.set(true);
                done
            });
            looked.set(looked.get() + u32::from(seen.get()));
        };
        (0..100).for_each(|_| spin(false));
        assert!(looked.get() < 10);
        (0..128).for_each(|_| spin(true));
        looked.set(0);
        (0..100).for_each(|_| spin(true));
        assert_eq!(looked.get(), 100);
    }
}
