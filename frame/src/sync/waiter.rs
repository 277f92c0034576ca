//! How a thread of the LibOS sleeps.

use super::futex;
use crate::ocall::time::{self, Clock};
use crate::thread;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

const NOTHING: u32 = 0;
const WOKEN: u32 = 1;

/// A thread's place to sleep. Whoever knows it may wake the thread; a wake-up that comes first isn't lost.
#[derive(Debug, Default)]
pub struct Waiter {
    word: AtomicU32,
}

/// Why a wait ended without a wake-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitError {
    /// The deadline has passed.
    TimedOut,
    /// The thread is wanted: a signal is to be delivered, or it is to end.
    Interrupted,
}

/// A point of time at which a wait ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    clock: Clock,
    /// Time since the clock's epoch.
    at: Duration,
}

impl Deadline {
    /// When `clock` shows `at`; only the real-time clock follows changes of the host's time.
    pub const fn at(clock: Clock, at: Duration) -> Self {
        Self { clock, at }
    }

    /// `timeout` from now on.
    pub fn after(timeout: Duration) -> Self {
        Self { clock: Clock::Monotonic, at: time::now(Clock::Monotonic).saturating_add(timeout) }
    }

    /// The time left; zero if it has passed.
    pub fn remaining(self) -> Duration {
        self.at.saturating_sub(time::now(self.clock))
    }

    /// Whether it has passed.
    pub fn has_passed(self) -> bool {
        self.remaining().is_zero()
    }

    fn host(self) -> ([i64; 2], bool) {
        let (at, realtime) = match self.clock {
            Clock::Realtime => (self.at, true),
            Clock::Monotonic => (self.at, false),
            // The host's futexes know the other two clocks only.
            _ => (time::now(Clock::Monotonic).saturating_add(self.remaining()), false),
        };
        ([i64::try_from(at.as_secs()).unwrap_or(i64::MAX), i64::from(at.subsec_nanos())], realtime)
    }
}

impl Waiter {
    /// The calling thread's own.
    pub fn current() -> Arc<Self> {
        thread::current_waiter()
    }

    /// Wakes the thread, or keeps its next wait from sleeping.
    pub fn wake(&self) {
        if self.word.swap(WOKEN, Ordering::Release) == NOTHING {
            futex::wake(&self.word, 1);
        }
    }

    /// Sleeps until somebody calls [`wake`](Self::wake). The caller looks again at what it waits for: the wake-up may
    /// be a late one of an earlier wait.
    ///
    /// # Errors
    /// [`WaitError::TimedOut`] after `deadline`, [`WaitError::Interrupted`] when the thread is wanted.
    pub fn wait(&self, deadline: Option<Deadline>) -> Result<(), WaitError> {
        self.sleep(deadline, thread::is_wanted)
    }

    /// As [`wait`](Self::wait), but goes on sleeping when the thread is wanted.
    ///
    /// # Errors
    /// [`WaitError::TimedOut`] after `deadline`.
    pub fn wait_uninterruptible(&self, deadline: Option<Deadline>) -> Result<(), WaitError> {
        self.sleep(deadline, || false)
    }

    fn sleep(&self, deadline: Option<Deadline>, interrupted: impl Fn() -> bool) -> Result<(), WaitError> {
        let host_deadline = deadline.map(Deadline::host);
        loop {
            if self.word.swap(NOTHING, Ordering::Acquire) == WOKEN && !interrupted() {
                return Ok(());
            }
            // Whoever wants the thread wakes it as well, so a look before each sleep is enough.
            if interrupted() {
                return Err(WaitError::Interrupted);
            }
            if deadline.is_some_and(Deadline::has_passed) {
                return Err(WaitError::TimedOut);
            }
            futex::wait(&self.word, NOTHING, host_deadline.as_ref());
        }
    }
}
