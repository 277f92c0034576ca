//! How a thread of the LibOS sleeps.

use super::futex;
use super::patience::Patience;
use crate::errno::{Errno, Error};
use crate::ocall::event::WakeFd;
use crate::ocall::file::{self, PollFd};
use crate::ocall::time::{self, Clock};
use crate::thread;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use spin::Once;

/// Awake, and nobody has called.
const NOTHING: u32 = 0;
/// Somebody has called since the last look.
const WOKEN: u32 = 1;
/// Asleep on the word.
const ASLEEP: u32 = 2;
/// Asleep in the host's `ppoll`, which the wake descriptor ends.
const POLLING: u32 = 3;

/// A thread's place to sleep. Whoever knows it may wake the thread; a wake-up that comes first isn't lost.
#[derive(Debug, Default)]
pub struct Waiter {
    word: AtomicU32,
    patience: Patience,
    /// Made when the thread first waits for the host and for others at once.
    wake_fd: Once<Option<WakeFd>>,
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

/// Without a wake descriptor nobody can end a wait in the host, so it ends by itself, after this.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

impl Waiter {
    /// The calling thread's own.
    pub fn current() -> Arc<Self> {
        thread::current_waiter()
    }

    /// Wakes the thread, or keeps its next wait from sleeping. Gives whether nobody has done so since its last look.
    pub fn wake(&self) -> bool {
        let before = self.word.swap(WOKEN, Ordering::SeqCst);
        match before {
            ASLEEP => futex::wake(&self.word, 1),
            POLLING => {
                if let Some(Some(fd)) = self.wake_fd.get() {
                    fd.signal();
                }
            }
            _ => {}
        }
        before != WOKEN
    }

    /// Sleeps until somebody calls [`wake`](Self::wake). The caller looks again at what it waits for: the wake-up may
    /// be a late one of an earlier wait.
    ///
    /// # Errors
    /// [`WaitError::TimedOut`] after `deadline`, [`WaitError::Interrupted`] when the thread is wanted.
    pub fn wait(&self, deadline: Option<Deadline>) -> Result<(), WaitError> {
        self.sleep(deadline, thread::is_wanted)
    }

    /// As [`wait`](Self::wait), for what another thread is about to do: looks for a while before it sleeps, as long as
    /// that has paid before.
    ///
    /// # Errors
    /// As for [`wait`](Self::wait).
    pub fn wait_soon(&self, deadline: Option<Deadline>) -> Result<(), WaitError> {
        if self.word.load(Ordering::Relaxed) != WOKEN {
            thread::hand_over();
        }
        self.patience.spin(|| self.word.load(Ordering::Relaxed) == WOKEN);
        self.wait(deadline)
    }

    /// As [`wait`](Self::wait), but goes on sleeping when the thread is wanted.
    ///
    /// # Errors
    /// [`WaitError::TimedOut`] after `deadline`.
    pub fn wait_uninterruptible(&self, deadline: Option<Deadline>) -> Result<(), WaitError> {
        self.sleep(deadline, || false)
    }

    /// As [`wait`](Self::wait), but files of the host end it too; what each of them is ready for stands in `fds` then.
    ///
    /// # Errors
    /// As for [`wait`](Self::wait).
    pub fn wait_with_host(&self, fds: &mut [PollFd<'_>], deadline: Option<Deadline>) -> Result<(), WaitError> {
        #[cfg(debug_assertions)]
        super::order::assert_nothing_held();
        let wake_fd = self.wake_fd.call_once(|| {
            WakeFd::new().inspect_err(|error| log::warn!("a wait for the host may last long: {error}")).ok()
        });
        loop {
            if self.word.swap(NOTHING, Ordering::SeqCst) == WOKEN && !thread::is_wanted() {
                return Ok(());
            }
            if thread::is_wanted() {
                return Err(WaitError::Interrupted);
            }
            if deadline.is_some_and(Deadline::has_passed) {
                return Err(WaitError::TimedOut);
            }
            thread::hand_over();
            if self.word.compare_exchange(NOTHING, POLLING, Ordering::SeqCst, Ordering::SeqCst).is_err() {
                continue;
            }
            let left = deadline.map(Deadline::remaining);
            let timeout =
                if wake_fd.is_some() { left } else { Some(left.map_or(LOOK_AGAIN, |left| left.min(LOOK_AGAIN))) };
            let polled = file::poll_with(fds, wake_fd.as_ref(), timeout);
            if self.word.swap(NOTHING, Ordering::SeqCst) == WOKEN {
                if let Some(fd) = wake_fd {
                    fd.clear();
                }
                // The caller looks again in any case; a wake-up for a signal is seen there.
                if !thread::is_wanted() {
                    return Ok(());
                }
            }
            match polled.map_err(Error::errno) {
                Ok(0) | Err(Errno::ERESTARTSYS) => {}
                Ok(_) => return Ok(()),
                Err(errno) => {
                    log::warn!("the host can't wait for its files: {errno:?}");
                    return Ok(());
                }
            }
        }
    }

    fn sleep(&self, deadline: Option<Deadline>, interrupted: impl Fn() -> bool) -> Result<(), WaitError> {
        #[cfg(debug_assertions)]
        super::order::assert_nothing_held();
        let host_deadline = deadline.map(Deadline::host);
        loop {
            if self.word.swap(NOTHING, Ordering::SeqCst) == WOKEN && !interrupted() {
                return Ok(());
            }
            // Whoever wants the thread wakes it as well, so a look before each sleep is enough.
            if interrupted() {
                return Err(WaitError::Interrupted);
            }
            if deadline.is_some_and(Deadline::has_passed) {
                return Err(WaitError::TimedOut);
            }
            thread::hand_over();
            if self.word.compare_exchange(NOTHING, ASLEEP, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
                futex::wait(&self.word, ASLEEP, host_deadline.as_ref());
            }
        }
    }
}
