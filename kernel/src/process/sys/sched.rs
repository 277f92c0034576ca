//! System calls about scheduling policies (`man 7 sched`). The host schedules: what Linux's rules allow here is passed to
//! it, and fails with `EPERM` where it refuses.

use crate::prelude::*;
use crate::process::{Policy, Resource, Settings, Thread, cap, table};
use crate::syscalls::Context;
use frame::ocall::thread as host;
use frame::ocall::thread::SchedAttr;

const SCHED_OTHER: u32 = 0;
const SCHED_FIFO: u32 = 1;
const SCHED_RR: u32 = 2;
const SCHED_BATCH: u32 = 3;
const SCHED_IDLE: u32 = 5;
pub(super) const SCHED_DEADLINE: u32 = 6;
const SCHED_RESET_ON_FORK: u32 = 0x4000_0000;
const MAX_PRIORITY: i32 = 99;

impl Policy {
    /// The policy of this number, with its priority.
    pub(in crate::process) fn from_raw(raw: u32, priority: i32) -> Result<Self> {
        let realtime = || match u8::try_from(priority) {
            Ok(level @ 1..=99) => Ok(level),
            _ => Err(err!(EINVAL, "a real-time priority is 1 to 99")),
        };
        let policy = match raw {
            SCHED_FIFO => return Ok(Self::Fifo(realtime()?)),
            SCHED_RR => return Ok(Self::RoundRobin(realtime()?)),
            SCHED_OTHER => Self::Other,
            SCHED_BATCH => Self::Batch,
            SCHED_IDLE => Self::Idle,
            SCHED_DEADLINE => bail!(EINVAL, "deadline scheduling needs more than a priority"),
            _ => bail!(EINVAL, "no such scheduling policy"),
        };
        if priority != 0 {
            bail!(EINVAL, "this policy has no priorities");
        }
        Ok(policy)
    }

    /// Number and priority.
    pub(super) const fn raw(self) -> (u32, u8) {
        match self {
            Self::Other => (SCHED_OTHER, 0),
            Self::Batch => (SCHED_BATCH, 0),
            Self::Idle => (SCHED_IDLE, 0),
            Self::Fifo(priority) => (SCHED_FIFO, priority),
            Self::RoundRobin(priority) => (SCHED_RR, priority),
        }
    }

    /// Whether it has priorities.
    pub(in crate::process) const fn is_realtime(self) -> bool {
        matches!(self, Self::Fifo(_) | Self::RoundRobin(_))
    }

    /// Whether nice values are its parameter: of `SCHED_IDLE` they aren't.
    pub(super) const fn has_nice(self) -> bool {
        matches!(self, Self::Other | Self::Batch)
    }
}

/// The thread of this id; the caller for 0.
pub(super) fn target(caller: &Arc<Thread>, tid: i32) -> Result<Arc<Thread>> {
    match u32::try_from(tid) {
        Ok(0) => Ok(caller.clone()),
        Ok(tid) => table::find_thread(tid).ok_or(err!(ESRCH, "no such thread")),
        Err(_) => Err(err!(EINVAL, "the thread id is negative")),
    }
}

/// Whether `caller` acts as the user of `thread`, or may do without.
pub(super) fn check_owner(caller: &Thread, thread: &Thread) -> Result<()> {
    let (mine, its) = (caller.credentials(), thread.credentials());
    if mine.euid == its.euid || mine.euid == its.ruid || mine.has_cap(cap::SYS_NICE) {
        Ok(())
    } else {
        Err(err!(EPERM, "the thread is another user's"))
    }
}

/// Nobody without `CAP_SYS_NICE` changes how those run who may do more.
pub(super) fn check_capabilities(caller: &Thread, thread: &Thread) -> Result<()> {
    let (mine, its) = (caller.credentials(), thread.credentials());
    if its.cap_permitted & !mine.cap_permitted == 0 || mine.has_cap(cap::SYS_NICE) {
        Ok(())
    } else {
        Err(err!(EPERM, "the thread has more capabilities"))
    }
}

/// Whether `thread`'s limit lets it have this nice value.
pub(super) fn may_be_nice(thread: &Thread, nice: i8) -> bool {
    (20 - i64::from(nice)).unsigned_abs() <= thread.process.limits.lock().soft(Resource::Nice)
}

/// What a change ends with that Linux's rules allow and the host refuses.
pub(super) fn refused(what: &str, error: Error) -> Error {
    if error.errno() == Errno::ESRCH {
        return err!(ESRCH, "the thread has ended");
    }
    warn!("the host refuses {what}: {error}");
    err!(EPERM, "the host refuses it")
}

/// The thread's host thread.
pub(super) fn handle(thread: &Thread) -> Result<frame::thread::Handle> {
    thread.handle().ok_or(err!(ESRCH, "the thread doesn't run yet"))
}

/// What a thread is to be scheduled by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) policy: Policy,
    /// `None` leaves it.
    pub(super) nice: Option<i8>,
    pub(super) reset_on_fork: bool,
    /// The length of time slices that is asked for; 0 for the host's own.
    pub(super) runtime_ns: u64,
}

/// Schedules a thread otherwise, as far as its user may.
pub(super) fn set_scheduling(caller: &Thread, thread: &Thread, wanted: Wanted) -> Result<()> {
    let handle = handle(thread)?;
    let mut settings = thread.settings.lock();
    if needs_privilege(thread, &settings, wanted) && !caller.credentials().has_cap(cap::SYS_NICE) {
        bail!(EPERM, "only CAP_SYS_NICE may do that");
    }
    check_owner(caller, thread)?;
    check_capabilities(caller, thread)?;
    let (policy, priority) = wanted.policy.raw();
    let nice = wanted.nice.filter(|_| wanted.policy.has_nice()).unwrap_or(settings.nice);
    let attr = SchedAttr {
        policy,
        priority: u32::from(priority),
        nice: i32::from(nice),
        flags: u64::from(wanted.reset_on_fork),
        runtime: wanted.runtime_ns,
        ..SchedAttr::default()
    };
    handle.set_scheduling(&attr).map_err(|error| refused("a scheduling policy", error))?;
    (settings.policy, settings.nice, settings.reset_on_fork) = (wanted.policy, nice, wanted.reset_on_fork);
    Ok(())
}

/// What only `CAP_SYS_NICE` allows, by `man 7 sched` under "privileges and resource limits".
fn needs_privilege(thread: &Thread, current: &Settings, wanted: Wanted) -> bool {
    let limit = thread.process.limits.lock().soft(Resource::RealtimePriority);
    let ((policy, priority), (old_policy, old_priority)) = (wanted.policy.raw(), current.policy.raw());
    let gets_nicer = |nice: i8| wanted.policy.has_nice() && nice < current.nice && !may_be_nice(thread, nice);
    let becomes_realtime = wanted.policy.is_realtime() && policy != old_policy && limit == 0;
    let rises = priority > old_priority && u64::from(priority) > limit;
    let leaves_idle =
        current.policy == Policy::Idle && wanted.policy != Policy::Idle && !may_be_nice(thread, current.nice);
    let unsets_reset = current.reset_on_fork && !wanted.reset_on_fork;
    wanted.nice.is_some_and(gets_nicer) || becomes_realtime || rises || leaves_idle || unsets_reset
}

/// `sched_yield(2)`.
pub fn sched_yield(_cx: Context<'_>) -> Result<usize> {
    host::yield_now();
    Ok(0)
}

/// `sched_setscheduler(2)`.
pub fn sched_setscheduler(cx: Context<'_>, tid: i32, policy: u32, param: UserPtr<i32>) -> Result<usize> {
    if param.is_null() || (policy as i32) < 0 || tid < 0 {
        bail!(EINVAL, "a parameter is missing or negative");
    }
    let priority = param.read()?;
    let thread = target(cx.thread, tid)?;
    let chosen = Policy::from_raw(policy & !SCHED_RESET_ON_FORK, priority)?;
    let reset_on_fork = policy & SCHED_RESET_ON_FORK != 0;
    set_scheduling(cx.thread, &thread, Wanted { policy: chosen, nice: None, reset_on_fork, runtime_ns: 0 })?;
    Ok(0)
}

/// `sched_getscheduler(2)`.
pub fn sched_getscheduler(cx: Context<'_>, tid: i32) -> Result<usize> {
    let thread = target(cx.thread, tid)?;
    let settings = thread.settings.lock();
    let (policy, _) = settings.policy.raw();
    Ok((policy | if settings.reset_on_fork { SCHED_RESET_ON_FORK } else { 0 }) as usize)
}

/// `sched_setparam(2)`.
pub fn sched_setparam(cx: Context<'_>, tid: i32, param: UserPtr<i32>) -> Result<usize> {
    if param.is_null() || tid < 0 {
        bail!(EINVAL, "a parameter is missing or negative");
    }
    let priority = param.read()?;
    let thread = target(cx.thread, tid)?;
    let (current, reset_on_fork) = {
        let settings = thread.settings.lock();
        (settings.policy, settings.reset_on_fork)
    };
    let policy = Policy::from_raw(current.raw().0, priority)?;
    set_scheduling(cx.thread, &thread, Wanted { policy, nice: None, reset_on_fork, runtime_ns: 0 })?;
    Ok(0)
}

/// `sched_getparam(2)`.
pub fn sched_getparam(cx: Context<'_>, tid: i32, param: UserPtr<i32>) -> Result<usize> {
    if param.is_null() {
        bail!(EINVAL, "no place for the answer");
    }
    let thread = target(cx.thread, tid)?;
    let (_, priority) = thread.settings.lock().policy.raw();
    param.write(&i32::from(priority))?;
    Ok(0)
}

/// `sched_get_priority_max(2)`.
pub fn sched_get_priority_max(_cx: Context<'_>, policy: u32) -> Result<usize> {
    match policy {
        SCHED_FIFO | SCHED_RR => Ok(MAX_PRIORITY as usize),
        SCHED_OTHER | SCHED_BATCH | SCHED_IDLE | SCHED_DEADLINE => Ok(0),
        _ => Err(err!(EINVAL, "no such scheduling policy")),
    }
}

/// `sched_get_priority_min(2)`.
pub fn sched_get_priority_min(_cx: Context<'_>, policy: u32) -> Result<usize> {
    match policy {
        SCHED_FIFO | SCHED_RR => Ok(1),
        SCHED_OTHER | SCHED_BATCH | SCHED_IDLE | SCHED_DEADLINE => Ok(0),
        _ => Err(err!(EINVAL, "no such scheduling policy")),
    }
}

/// `sched_rr_get_interval(2)`: the host's answer, since it's the host's time slices.
pub fn sched_rr_get_interval(cx: Context<'_>, tid: i32, interval: UserPtr<[i64; 2]>) -> Result<usize> {
    let thread = target(cx.thread, tid)?;
    let slice = handle(&thread)?.time_slice()?;
    interval.write(&[slice.as_secs() as i64, i64::from(slice.subsec_nanos())])?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_belong_to_real_time_policies() {
        assert_eq!(Policy::from_raw(SCHED_OTHER, 0).unwrap(), Policy::Other);
        assert_eq!(Policy::from_raw(SCHED_RR, 7).unwrap(), Policy::RoundRobin(7));
        for (policy, priority) in [(SCHED_OTHER, 1), (SCHED_FIFO, 0), (SCHED_FIFO, 100), (4, 0), (77, 0)] {
            assert_eq!(Policy::from_raw(policy, priority).unwrap_err().errno(), Errno::EINVAL);
        }
    }
}
