//! How long a thread looks before it sleeps.

use crate::ocall;
use crate::ocall::time::{self, Clock};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use core::time::Duration;

/// How long one look lasts: about what it costs to sleep and be woken on another processor.
const SPIN: Duration = Duration::from_micros(15);
/// How often to look before the processor is offered to others.
const LOOKS: usize = 8;
/// A thread whose looks were in vain looks at one wait in two to the power of this many.
const MOST_FAILURES: u32 = 10;
/// Who offers the processor and gets it back this late gave it to a program that computes and ran for its whole time slice.
/// A thread that sleeps instead is preferred to that one when it's woken.
const LATE: Duration = Duration::from_micros(100);
/// For so many times as long as a late offer took, there's no other.
const PAUSE: u32 = 100;

/// Whether looking pays for a thread, learnt from its last waits. With long waits it never does, and neither does it where
/// others compute.
#[derive(Debug, Default)]
pub(super) struct Patience {
    failures: AtomicU32,
    /// Waits to let pass before the next try.
    skipped: AtomicU32,
    /// No wait is tried before this time of the monotonic clock, in nanoseconds.
    paused_until_ns: AtomicU64,
}

impl Patience {
    /// Looks until `is_done` or some time has passed, if that is worth a try.
    pub(super) fn spin(&self, is_done: impl Fn() -> bool) {
        self.look(is_done, || time::now(Clock::Monotonic), ocall::thread::yield_now);
    }

    fn look(&self, is_done: impl Fn() -> bool, now: impl Fn() -> Duration, offer_processor: impl Fn()) {
        // Only the thread itself waits, so plain loads and stores do.
        let skipped = self.skipped.load(Ordering::Relaxed);
        if skipped > 0 {
            self.skipped.store(skipped - 1, Ordering::Relaxed);
            return;
        }
        let start = now();
        if start < Duration::from_nanos(self.paused_until_ns.load(Ordering::Relaxed)) {
            return;
        }
        let mut present = start;
        while present < start.saturating_add(SPIN) {
            let is_done = (0..LOOKS).any(|_| {
                core::hint::spin_loop();
                is_done()
            });
            if is_done {
                self.failures.store(0, Ordering::Relaxed);
                return;
            }
            // Whoever is to do it may be waiting for this very processor.
            let before = now();
            offer_processor();
            present = now();
            let taken = present.saturating_sub(before);
            if taken > LATE {
                let until =
                    u64::try_from(present.saturating_add(taken.saturating_mul(PAUSE)).as_nanos()).unwrap_or(u64::MAX);
                self.paused_until_ns.store(until, Ordering::Relaxed);
                return;
            }
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

    /// Whether a wait of a thread is looked at, when its processor comes back after `away`.
    fn looks(patience: &Patience, clock: &Cell<Duration>, away: Duration, is_done: bool) -> bool {
        let has_looked = Cell::new(false);
        let look = || {
            has_looked.set(true);
            is_done
        };
        patience.look(look, || clock.get(), || clock.set(clock.get() + away));
        has_looked.get()
    }

    #[test]
    fn looks_in_vain_become_rare_and_a_success_restores_them() {
        let (patience, clock) = (Patience::default(), Cell::new(Duration::ZERO));
        let count = |times, done| (0..times).filter(|_| looks(&patience, &clock, SPIN / 4, done)).count();
        assert!(count(100, false) < 10);
        count(128, true);
        assert_eq!(count(100, true), 100);
    }

    #[test]
    fn a_processor_that_comes_back_late_is_not_offered_for_long() {
        let (patience, clock) = (Patience::default(), Cell::new(Duration::ZERO));
        let slice = Duration::from_millis(3);
        assert!(looks(&patience, &clock, slice, false));
        assert!(!looks(&patience, &clock, slice, false));
        clock.set(clock.get() + slice * PAUSE);
        assert!(looks(&patience, &clock, SPIN / 4, true));
        assert!(looks(&patience, &clock, SPIN / 4, true));
    }
}
