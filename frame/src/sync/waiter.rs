//! How a thread of the LibOS sleeps.

use super::futex;
use super::patience::Patience;
use crate::errno::{Errno, Error, Result};
use crate::host::Until;
use crate::ocall;
use crate::ocall::event::{HostEpoll, HostEvent};
use crate::ocall::file::{self, PollFd};
use crate::ocall::time::{self, Clock};
use crate::thread;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use core::time::Duration;

/// In a call of the host that waits for files, or about to make one: it isn't made any more when the word is another.
const IN_HOST: u32 = 0;
/// Awake, and nobody has called.
const NOTHING: u32 = 1;
/// Somebody has called since the last look.
const WOKEN: u32 = 2;
/// Asleep on the word.
const ASLEEP: u32 = 3;

/// A thread's place to sleep. Whoever knows it may wake the thread; a wake-up that comes first isn't lost.
#[derive(Debug)]
pub struct Waiter {
    word: AtomicU32,
    patience: Patience,
    /// Who is in the host: its ids of process and thread, 32 bits each.
    in_host: AtomicU64,
}

impl Default for Waiter {
    fn default() -> Self {
        Self { word: AtomicU32::new(NOTHING), patience: Patience::default(), in_host: AtomicU64::new(0) }
    }
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

    /// It has passed.
    pub const PAST: Self = Self::at(Clock::Monotonic, Duration::ZERO);

    /// `timeout` from now on.
    pub fn after(timeout: Duration) -> Self {
        // Many calls don't wait, and needn't know the time for that.
        if timeout.is_zero() {
            return Self::PAST;
        }
        Self { clock: Clock::Monotonic, at: time::now(Clock::Monotonic).saturating_add(timeout) }
    }

    /// The time left; zero if it has passed.
    pub fn remaining(self) -> Duration {
        if self == Self::PAST {
            return Duration::ZERO;
        }
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

/// Nobody can send a signal to a thread whose ids aren't known, as in unit tests, so its waits in the host end after this.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

impl Waiter {
    /// The calling thread's own.
    pub fn current() -> Arc<Self> {
        thread::current_waiter()
    }

    /// Wakes the thread, or keeps its next wait from sleeping. Gives whether nobody has done so since its last look.
    pub fn wake(&self) -> bool {
        self.call() != WOKEN
    }

    /// As [`wake`](Self::wake), for who wants the thread; gives whether it was sent the wake signal.
    pub(crate) fn wake_wanted(&self) -> bool {
        self.call() == IN_HOST
    }

    /// Keeps the calling thread, whose waiter it is, from sleeping: for the handler of a signal that came meanwhile.
    pub(crate) fn note(&self) {
        self.word.store(WOKEN, Ordering::SeqCst);
    }

    /// Gives what the thread was doing.
    fn call(&self) -> u32 {
        let before = self.word.swap(WOKEN, Ordering::SeqCst);
        match before {
            ASLEEP => futex::wake(&self.word, 1),
            IN_HOST => {
                let ids = self.in_host.load(Ordering::Relaxed);
                if ids != 0 {
                    ocall::thread::interrupt((ids >> 32) as u32, ids as u32);
                }
            }
            _ => {}
        }
        before
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
    pub fn wait_for_files(&self, fds: &mut [PollFd<'_>], deadline: Option<Deadline>) -> Result<(), WaitError> {
        self.sleep_in_host(deadline, |until| file::poll_until(fds, until)).map(|_| ())
    }

    /// As [`wait`](Self::wait), but events of an `epoll` of the host end it too: it calls `take` with what is ready then, at
    /// most `max` of it, and gives how many.
    ///
    /// # Errors
    /// As for [`wait`](Self::wait); nothing was taken then.
    pub fn wait_for_epoll(
        &self,
        epoll: &HostEpoll,
        max: usize,
        deadline: Option<Deadline>,
        mut take: impl FnMut(HostEvent),
    ) -> Result<usize, WaitError> {
        self.sleep_in_host(deadline, |until| epoll.wait_ready(max, until, &mut take))
    }

    /// Makes a call of the host that waits, again until it gives something, the thread is woken or wanted, or the time has
    /// passed. Gives what the call did; 0 when somebody has woken the thread.
    fn sleep_in_host(
        &self,
        deadline: Option<Deadline>,
        mut call: impl FnMut(Until<'_>) -> Result<usize>,
    ) -> Result<usize, WaitError> {
        #[cfg(debug_assertions)]
        super::order::assert_nothing_held();
        let ids = thread::host_ids().map_or(0, |(process, thread)| u64::from(process) << 32 | u64::from(thread));
        loop {
            if self.word.swap(NOTHING, Ordering::SeqCst) == WOKEN && !thread::is_wanted() {
                return Ok(0);
            }
            if thread::is_wanted() {
                return Err(WaitError::Interrupted);
            }
            let left = deadline.map(Deadline::remaining);
            // Those who have lent the thread to this task go on elsewhere if it sleeps, not if something is ready.
            let must_hand_over = thread::has_free_lenders();
            let timeout = match left {
                _ if must_hand_over => Some(Duration::ZERO),
                _ if ids == 0 => Some(left.map_or(LOOK_AGAIN, |left| left.min(LOOK_AGAIN))),
                left => left,
            };
            self.in_host.store(ids, Ordering::Relaxed);
            if self.word.compare_exchange(NOTHING, IN_HOST, Ordering::SeqCst, Ordering::SeqCst).is_err() {
                continue;
            }
            let outcome = call(Until { word: &self.word, timeout });
            let was_woken = self.word.swap(NOTHING, Ordering::SeqCst) == WOKEN;
            match outcome.map_err(Error::errno) {
                Ok(0) | Err(Errno::EINTR) => {}
                // Whoever woke the thread meanwhile is seen as well: the caller looks at everything.
                Ok(count) => return Ok(count),
                Err(errno) => {
                    log::warn!("the host can't wait for its files: {errno:?}");
                    return Ok(0);
                }
            }
            if was_woken {
                self.note();
            } else if left.is_some_and(|left| left.is_zero()) {
                return Err(WaitError::TimedOut);
            } else if must_hand_over {
                thread::hand_over();
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
