//! The clocks that a program can name (`man 2 clock_getres`, `man 3 clock_getcpuclockid`).

use crate::prelude::*;
use crate::process::{Process, Thread, table};
use core::time::Duration;
use frame::ocall::time::{self, Clock, now};

/// A clock as a program names it.
#[derive(Clone)]
pub(super) enum ProgramClock {
    /// One of all, which the host has too.
    Host(Clock),
    /// Processor time of a process.
    Process(Weak<Process>),
    /// What of it was used outside the host's kernel.
    ProcessUser(Weak<Process>),
    /// Processor time of the calling thread.
    CallingThread,
    /// Processor time of a thread of the process.
    Thread(Weak<Thread>),
}

/// How often a timer of processor time is looked at, at most: Linux's tick.
const TICK: Duration = Duration::from_millis(4);

impl ProgramClock {
    /// The clock of an id, as `thread` names it.
    ///
    /// # Errors
    /// `EINVAL` if there is none.
    pub(super) fn find(thread: &Arc<Thread>, id: i32) -> Result<Self> {
        const PER_THREAD: i32 = 4;
        const USER_TIME: i32 = 1;
        const OF_A_FILE: i32 = 3;
        if id >= 0 {
            return match Clock::from_raw(id as u32).ok_or(err!(EINVAL, "no such clock"))? {
                Clock::ProcessCpu => Ok(Self::Process(Arc::downgrade(&thread.process))),
                Clock::ThreadCpu => Ok(Self::CallingThread),
                clock => Ok(Self::Host(clock)),
            };
        }
        // The complement of a process's or thread's id, three bits to the left (`linux/posix-timers_types.h`).
        let of = !(id >> 3) as u32;
        let which = id & 3;
        if which == OF_A_FILE {
            bail!(EINVAL, "clocks that are files are not supported");
        }
        if id & PER_THREAD == 0 {
            let process = if of == 0 { Some(thread.process.clone()) } else { table::find(of) };
            let process = Arc::downgrade(&process.ok_or(err!(EINVAL, "no such process"))?);
            return Ok(if which == USER_TIME { Self::ProcessUser(process) } else { Self::Process(process) });
        }
        if of == 0 || of == thread.tid() {
            return Ok(Self::CallingThread);
        }
        let other = thread.process.threads.lock().get(&of).map(Arc::downgrade);
        other.map(Self::Thread).ok_or(err!(EINVAL, "not a thread of the process"))
    }

    /// As [`find`](Self::find), for looking at it: a clock that wakes the machine may be missing.
    ///
    /// # Errors
    /// `EINVAL` if there is none.
    pub(super) fn find_to_read(thread: &Arc<Thread>, id: i32) -> Result<Self> {
        match Self::find(thread, id)? {
            Self::Host(clock @ (Clock::RealtimeAlarm | Clock::BoottimeAlarm)) if time::resolution(clock).is_none() => {
                Err(err!(EINVAL, "no such clock"))
            }
            clock => Ok(clock),
        }
    }

    /// Whether `thread` may wait for the clock.
    ///
    /// # Errors
    /// `EOPNOTSUPP` for a clock that can't be waited for, `EPERM` for one that wakes the machine.
    pub(super) fn check_waitable(&self, thread: &Thread) -> Result<()> {
        const CAP_WAKE_ALARM: u32 = 35;
        match *self {
            Self::Host(Clock::MonotonicRaw | Clock::RealtimeCoarse | Clock::MonotonicCoarse) => {
                Err(err!(EOPNOTSUPP, "the clock can't be waited for"))
            }
            Self::Host(clock @ (Clock::RealtimeAlarm | Clock::BoottimeAlarm)) => {
                if time::resolution(clock).is_none() {
                    bail!(EOPNOTSUPP, "the machine has no clock that wakes it");
                }
                if !thread.credentials().has_cap(CAP_WAKE_ALARM) {
                    bail!(EPERM, "only root may wake the machine");
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The same clock for whoever looks at it, where `thread` named it.
    pub(super) fn seen_by_all(self, thread: &Arc<Thread>) -> Self {
        match self {
            Self::CallingThread => Self::Thread(Arc::downgrade(thread)),
            clock => clock,
        }
    }

    /// What it shows; nothing if its thread has ended.
    pub(super) fn now(&self) -> Option<Duration> {
        match self {
            Self::Host(clock) => Some(now(*clock)),
            Self::Process(process) => Some(process.upgrade()?.cpu_time()),
            Self::ProcessUser(process) => Some(process.upgrade()?.usage().user_time()),
            Self::CallingThread => Some(frame::thread::cpu_time()),
            Self::Thread(thread) => {
                thread.upgrade().filter(|thread| !thread.has_ended()).map(|thread| thread.cpu_time())
            }
        }
    }

    /// Its resolution.
    pub(super) fn resolution(&self) -> Duration {
        let clock = match self {
            Self::Host(clock) => *clock,
            _ => Clock::ProcessCpu,
        };
        time::resolution(clock).unwrap_or_default()
    }

    /// When to look whether it shows `at` already, on the monotonic clock: not after that, but maybe before, for a
    /// clock of processor time that `threads` can drive at once.
    pub(super) fn look_again(&self, at: Duration, threads: usize) -> Option<Duration> {
        let left = at.saturating_sub(self.now()?);
        let wait = match self {
            Self::Process(_) | Self::ProcessUser(_) => {
                (left / u32::try_from(threads.max(1)).unwrap_or(u32::MAX)).max(TICK)
            }
            Self::CallingThread | Self::Thread(_) => left.max(TICK),
            Self::Host(_) => left,
        };
        Some(now(Clock::Monotonic).saturating_add(wait))
    }
}
