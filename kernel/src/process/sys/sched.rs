//! System calls about processors and simple scheduling parameters (`man 7 sched`). The host schedules; policies and
//! priorities are checked and kept as Linux does, but have no effect.

use crate::prelude::*;
use crate::process::{Policy, Process, Resource, Thread, cap, table};
use crate::syscalls::Context;
use frame::ocall::thread as host;

const SCHED_OTHER: u32 = 0;
const SCHED_FIFO: u32 = 1;
const SCHED_RR: u32 = 2;
const SCHED_BATCH: u32 = 3;
const SCHED_IDLE: u32 = 5;
const SCHED_DEADLINE: u32 = 6;
const SCHED_RESET_ON_FORK: u32 = 0x4000_0000;
const MAX_PRIORITY: i32 = 99;

impl Policy {
    /// The policy of this number, with its priority.
    pub(super) fn from_raw(raw: u32, priority: i32) -> Result<Self> {
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
            SCHED_DEADLINE => {
                warn!("SCHED_DEADLINE is not supported");
                bail!(EPERM, "deadline scheduling is not supported");
            }
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
}

/// The thread of this id; the caller for 0.
pub(super) fn target(caller: &Arc<Thread>, tid: i32) -> Result<Arc<Thread>> {
    match u32::try_from(tid) {
        Ok(0) => Ok(caller.clone()),
        Ok(tid) => table::find_thread(tid).ok_or(err!(ESRCH, "no such thread")),
        Err(_) => Err(err!(EINVAL, "the thread id is negative")),
    }
}

/// Whether `caller` may change how `thread` is scheduled.
pub(super) fn may_schedule(caller: &Thread, thread: &Thread) -> bool {
    let (mine, its) = (caller.credentials(), thread.credentials());
    mine.has_cap(cap::SYS_NICE) || mine.euid == its.euid || mine.euid == its.ruid
}

/// Sets a thread's policy, as far as its user may.
pub(super) fn set_policy(caller: &Thread, thread: &Thread, policy: Policy, reset_on_fork: bool) -> Result<()> {
    let privileged = caller.credentials().has_cap(cap::SYS_NICE);
    if !may_schedule(caller, thread) {
        bail!(EPERM, "the thread is another user's");
    }
    let mut settings = thread.settings.lock();
    if !privileged {
        let (_, priority) = policy.raw();
        let (_, old) = settings.policy.raw();
        let limit = thread.process.limits.lock().soft(Resource::RealtimePriority);
        if priority > 0 && priority > old && u64::from(priority) > limit {
            bail!(EPERM, "the real-time priority is above the limit");
        }
        if settings.reset_on_fork && !reset_on_fork {
            bail!(EPERM, "the flag can only be set");
        }
    }
    if matches!(policy, Policy::Fifo(_) | Policy::RoundRobin(_)) {
        warn!("real-time scheduling has no effect here");
    }
    settings.policy = policy;
    settings.reset_on_fork = reset_on_fork;
    Ok(())
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
    set_policy(cx.thread, &thread, chosen, policy & SCHED_RESET_ON_FORK != 0)?;
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
    set_policy(cx.thread, &thread, Policy::from_raw(current.raw().0, priority)?, reset_on_fork)?;
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

/// `sched_rr_get_interval(2)`.
pub fn sched_rr_get_interval(cx: Context<'_>, tid: i32, interval: UserPtr<[i64; 2]>) -> Result<usize> {
    /// Linux's time slices (`RR_TIMESLICE`; what the fair scheduler gives on an idle machine).
    const REALTIME_NS: i64 = 100_000_000;
    const FAIR_NS: i64 = 3_000_000;
    let thread = target(cx.thread, tid)?;
    let policy = thread.settings.lock().policy;
    let nanoseconds = match policy {
        Policy::RoundRobin(_) => REALTIME_NS,
        Policy::Fifo(_) => 0,
        Policy::Other | Policy::Batch | Policy::Idle => FAIR_NS,
    };
    interval.write(&[0, nanoseconds])?;
    Ok(0)
}

/// The longest processor mask that is looked at, in bytes: 8192 processors, as many as Linux can have.
const MAX_MASK: usize = 1024;

/// The host's id of a thread; 0, the caller, if it doesn't run yet.
fn host_tid(thread: &Thread) -> u32 {
    thread.handle().map_or(0, |handle| handle.host_tid())
}

/// `sched_setaffinity(2)`.
pub fn sched_setaffinity(cx: Context<'_>, tid: i32, len: u32, mask: UserPtr<u8>) -> Result<usize> {
    let mask = mask.slice((len as usize).min(MAX_MASK))?.to_vec()?;
    let thread = u32::try_from(tid).map_or_else(|_| Err(Errno::ESRCH.into()), |_| target(cx.thread, tid))?;
    if !may_schedule(cx.thread, &thread) {
        bail!(EPERM, "the thread is another user's");
    }
    host::set_affinity(host_tid(&thread), &mask)?;
    Ok(0)
}

/// `sched_getaffinity(2)`.
pub fn sched_getaffinity(cx: Context<'_>, tid: i32, len: u32, mask: UserPtr<u8>) -> Result<usize> {
    const WORD: u32 = size_of::<u64>() as u32;
    if len & (WORD - 1) != 0 {
        bail!(EINVAL, "the length is no multiple of a word's");
    }
    let thread = u32::try_from(tid).map_or_else(|_| Err(Errno::ESRCH.into()), |_| target(cx.thread, tid))?;
    let mut bytes = vec![0; (len as usize).min(MAX_MASK)];
    let filled = host::affinity(host_tid(&thread), &mut bytes)?;
    mask.write_array(&bytes[..filled])?;
    Ok(filled)
}

/// `getcpu(2)`.
pub fn getcpu(_cx: Context<'_>, cpu: UserPtr<u32>, node: UserPtr<u32>, _cache: u64) -> Result<usize> {
    let (current_cpu, current_node) = host::cpu_and_node();
    cpu.write_if_some(&current_cpu)?;
    node.write_if_some(&current_node)?;
    Ok(0)
}

/// Whose priority is meant (`man 2 setpriority`, `man 2 ioprio_set`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// A thread.
    Thread(u32),
    /// The threads of a process group.
    Group(u32),
    /// The threads of a user.
    User(u32),
}

impl Who {
    /// The threads that are meant; 0 stands for the caller, its group or its user.
    pub(super) fn threads(self, caller: &Arc<Thread>) -> Result<Vec<Arc<Thread>>> {
        let of = |wanted: &dyn Fn(&Arc<Process>) -> bool| -> Vec<Arc<Thread>> {
            let processes = table::all().into_iter().filter(|process| wanted(process));
            processes.flat_map(|process| process.threads.lock().values().cloned().collect::<Vec<_>>()).collect()
        };
        let threads = match self {
            Self::Thread(0) => vec![caller.clone()],
            Self::Thread(tid) => table::find_thread(tid).into_iter().collect(),
            Self::Group(group) => {
                let group = if group == 0 { caller.process.group() } else { group };
                of(&|process| process.group() == group)
            }
            Self::User(uid) => {
                let uid = if uid == 0 { caller.credentials().ruid } else { uid };
                of(&|_| true).into_iter().filter(|thread| thread.credentials().ruid == uid).collect()
            }
        };
        if threads.is_empty() {
            bail!(ESRCH, "nobody is meant");
        }
        Ok(threads)
    }
}

fn who(which: i32, who: u32) -> Result<Who> {
    match which {
        0 => Ok(Who::Thread(who)),
        1 => Ok(Who::Group(who)),
        2 => Ok(Who::User(who)),
        _ => Err(err!(EINVAL, "neither process, group nor user")),
    }
}

/// `getpriority(2)`: 20 less the nice value, so that it's never negative.
pub fn getpriority(cx: Context<'_>, which: i32, whom: u32) -> Result<usize> {
    let threads = who(which, whom)?.threads(cx.thread)?;
    let nice = threads.iter().map(|thread| thread.settings.lock().nice).min().unwrap_or(0);
    Ok((20 - i32::from(nice)) as usize)
}

/// `setpriority(2)`.
pub fn setpriority(cx: Context<'_>, which: i32, whom: u32, priority: i32) -> Result<usize> {
    let nice = priority.clamp(-20, 19) as i8;
    let threads = who(which, whom)?.threads(cx.thread)?;
    for thread in threads {
        if !may_schedule(cx.thread, &thread) {
            bail!(EPERM, "the thread is another user's");
        }
        set_nice(cx.thread, &thread, nice)?;
    }
    Ok(0)
}

/// Sets a nice value; `EACCES` below what the limit allows.
pub(super) fn set_nice(caller: &Thread, thread: &Thread, nice: i8) -> Result<()> {
    let limit = thread.process.limits.lock().soft(Resource::Nice);
    let mut settings = thread.settings.lock();
    let lowest = 20_i64.saturating_sub_unsigned(limit.min(40));
    if nice < settings.nice && i64::from(nice) < lowest && !caller.credentials().has_cap(cap::SYS_NICE) {
        bail!(EACCES, "only CAP_SYS_NICE lowers nice values so far");
    }
    settings.nice = nice;
    Ok(())
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
