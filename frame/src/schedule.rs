//! How the host schedules the threads of programs: processors, policies, nice values.
//!
//! A new host thread has all this from its creator, as Linux has it for new threads. One that takes work from the pool
//! hasn't, so only threads that are scheduled as the LibOS was launched are kept there, or taken from there: whatever
//! changes a thread here, or is started by a changed one, counts as changed for good.

use crate::errno::Result;
use crate::ocall::thread as host;
use crate::ocall::thread::{MAX_CPU_MASK, SchedAttr};
use crate::thread::{self, Handle};
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

/// Whether a host thread is still scheduled as the LibOS was launched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Schedule {
    /// It is.
    AsLaunched,
    /// Something was changed, for it or for one that it descends from.
    Changed,
    /// The thread has ended; what its host thread does now is none of its business.
    Ended,
}

impl Handle {
    /// The processors that the thread may run on, as a bit mask; gives the bytes filled.
    ///
    /// # Errors
    /// `ESRCH` if it has ended, `EINVAL` if the mask is too short.
    pub fn affinity(&self, mask: &mut [u8]) -> Result<usize> {
        self.with_host_tid(|tid| host::affinity(tid, mask))
    }

    /// Limits the processors that the thread may run on.
    ///
    /// # Errors
    /// `ESRCH` if it has ended, `EINVAL` if the mask has no processor of the host.
    pub fn set_affinity(&self, mask: &[u8]) -> Result<()> {
        self.change_schedule(|tid| host::set_affinity(tid, mask))
    }

    /// How the host schedules the thread.
    ///
    /// # Errors
    /// `ESRCH` if it has ended.
    pub fn scheduling(&self) -> Result<SchedAttr> {
        self.with_host_tid(host::scheduling)
    }

    /// Sets policy, priority and, for policies that have one, the nice value.
    ///
    /// # Errors
    /// `ESRCH` if it has ended, `EPERM` where the host doesn't allow it, `EINVAL`.
    pub fn set_scheduling(&self, attr: &SchedAttr) -> Result<()> {
        self.change_schedule(|tid| host::set_scheduling(tid, attr))
    }

    /// Sets the nice value.
    ///
    /// # Errors
    /// `ESRCH` if it has ended, `EACCES` or `EPERM` where the host doesn't allow it.
    pub fn set_nice(&self, nice: i8) -> Result<()> {
        self.change_schedule(|tid| host::set_nice(tid, nice))
    }

    /// Sets the I/O priority, packed as `man 2 ioprio_set` says.
    ///
    /// # Errors
    /// `ESRCH` if it has ended, `EPERM` where the host doesn't allow it, `EINVAL`.
    pub fn set_io_priority(&self, priority: u16) -> Result<()> {
        self.change_schedule(|tid| host::set_io_priority(tid, priority))
    }

    /// The thread's time slice; zero if it has no end.
    ///
    /// # Errors
    /// `ESRCH` if it has ended.
    pub fn time_slice(&self) -> Result<Duration> {
        self.with_host_tid(host::time_slice)
    }
}

/// Sets by how much the host may delay the calling thread's wake-ups, in nanoseconds.
pub fn set_timer_slack(slack_ns: u64) {
    thread::change_own_schedule(|| host::set_timer_slack(slack_ns));
}

/// How the LibOS was launched, which is how its first program starts.
pub fn launched_with() -> SchedAttr {
    LAUNCHED.get().map_or_else(SchedAttr::default, |launched| launched.attr)
}

/// What the LibOS was launched with, for its own threads.
struct Launched {
    attr: SchedAttr,
    cpus: Vec<u8>,
}

static LAUNCHED: spin::Once<Launched> = spin::Once::new();

/// Notes how the first thread is scheduled, before any program can change it.
pub(crate) fn note_launch() {
    LAUNCHED.call_once(|| {
        let mut cpus = vec![0; MAX_CPU_MASK];
        let filled = host::affinity(0, &mut cpus).unwrap_or(0);
        cpus.truncate(filled);
        Launched { attr: host::scheduling(0).unwrap_or_default(), cpus }
    });
}

/// Undoes for a thread of the LibOS itself what it has inherited from a program's thread.
pub(crate) fn reset_own() {
    /// Linux's default.
    const DEFAULT_TIMER_SLACK_NS: u64 = 50_000;
    let Some(launched) = LAUNCHED.get() else { return };
    host::set_timer_slack(DEFAULT_TIMER_SLACK_NS);
    let reset = host::set_scheduling(0, &launched.attr).and_then(|()| host::set_affinity(0, &launched.cpus));
    if let Err(error) = reset {
        log::warn!("a thread of the LibOS keeps a program's scheduling: {error}");
    }
}
