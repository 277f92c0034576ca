//! System calls about nice values (`man 2 setpriority`) and I/O priorities (`man 2 ioprio_set`).

use super::sched::{check_capabilities, check_owner, handle, may_be_nice, refused};
use crate::prelude::*;
use crate::process::{Policy, Process, Settings, Thread, cap, table};
use crate::syscalls::Context;

/// Whose priority is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    /// A thread.
    Thread(u32),
    /// The threads of a process group.
    Group(u32),
    /// The threads of a real user.
    User(u32),
}

impl Who {
    /// As `setpriority` and `getpriority` number it, where 0 stands for the caller, its group or its user.
    fn of_nice(which: i32, whom: u32, caller: &Thread) -> Result<Self> {
        match (which, whom) {
            (0, 0) => Ok(Self::Thread(caller.tid())),
            (0, tid) => Ok(Self::Thread(tid)),
            (1, group) => Ok(Self::group(group, caller)),
            (2, 0) => Ok(Self::User(caller.credentials().ruid)),
            (2, uid) => Ok(Self::User(uid)),
            _ => Err(err!(EINVAL, "neither process, group nor user")),
        }
    }

    /// As `ioprio_set` and `ioprio_get` number it, to which user 0 is always root.
    fn of_io(which: i32, whom: u32, caller: &Thread) -> Result<Self> {
        match (which, whom) {
            (1, 0) => Ok(Self::Thread(caller.tid())),
            (1, tid) => Ok(Self::Thread(tid)),
            (2, group) => Ok(Self::group(group, caller)),
            (3, uid) => Ok(Self::User(uid)),
            _ => Err(err!(EINVAL, "neither process, group nor user")),
        }
    }

    fn group(group: u32, caller: &Thread) -> Self {
        Self::Group(if group == 0 { caller.process.group() } else { group })
    }

    /// The threads that are meant; `ESRCH` if there are none.
    fn threads(self) -> Result<Vec<Arc<Thread>>> {
        let of = |wanted: &dyn Fn(&Process) -> bool| -> Vec<Arc<Thread>> {
            let processes = table::all().into_iter().filter(|process| wanted(process));
            processes.flat_map(|process| process.threads.lock().values().cloned().collect::<Vec<_>>()).collect()
        };
        let threads = match self {
            Self::Thread(tid) => table::find_thread(tid).into_iter().collect(),
            Self::Group(group) => of(&|process| process.group() == group),
            Self::User(uid) => of(&|_| true).into_iter().filter(|thread| thread.credentials().ruid == uid).collect(),
        };
        if threads.is_empty() {
            bail!(ESRCH, "nobody is meant");
        }
        Ok(threads)
    }
}

/// `getpriority(2)`: 20 less the nice value, so that it's never negative.
pub fn getpriority(cx: Context<'_>, which: i32, whom: u32) -> Result<usize> {
    let threads = Who::of_nice(which, whom, cx.thread)?.threads()?;
    let nice = threads.iter().map(|thread| thread.settings.lock().nice).min().unwrap_or(0);
    Ok((20 - i32::from(nice)) as usize)
}

/// `setpriority(2)`: goes on after a thread that it fails for.
pub fn setpriority(cx: Context<'_>, which: i32, whom: u32, priority: i32) -> Result<usize> {
    let nice = priority.clamp(-20, 19) as i8;
    let mut result = Err(err!(ESRCH, "all who were meant have ended"));
    for thread in Who::of_nice(which, whom, cx.thread)?.threads()? {
        match set_nice(cx.thread, &thread, nice) {
            Err(error) if error.errno() == Errno::ESRCH => {}
            Err(error) => result = Err(error),
            Ok(()) if matches!(&result, Err(error) if error.errno() == Errno::ESRCH) => result = Ok(0),
            Ok(()) => {}
        }
    }
    result
}

/// Sets a nice value; `EACCES` below what the limit or the host allows.
fn set_nice(caller: &Thread, thread: &Thread, nice: i8) -> Result<()> {
    let handle = handle(thread)?;
    check_owner(caller, thread)?;
    let mut settings = thread.settings.lock();
    if nice < settings.nice && !may_be_nice(thread, nice) && !caller.credentials().has_cap(cap::SYS_NICE) {
        bail!(EACCES, "only CAP_SYS_NICE lowers nice values so far");
    }
    check_capabilities(caller, thread)?;
    handle.set_nice(nice).map_err(|error| match refused("a nice value", error) {
        refused if refused.errno() == Errno::EPERM => err!(EACCES, "the host refuses it"),
        gone => gone,
    })?;
    settings.nice = nice;
    Ok(())
}

const CLASS_SHIFT: u16 = 13;
const CLASS_NONE: u16 = 0;
const CLASS_REALTIME: u16 = 1;
const CLASS_BEST_EFFORT: u16 = 2;
const CLASS_IDLE: u16 = 3;

/// `ioprio_set(2)`: stops at a thread that it fails for.
pub fn ioprio_set(cx: Context<'_>, which: i32, whom: u32, priority: i32) -> Result<usize> {
    const LEVEL: u16 = 7;
    let priority = priority as u16;
    match priority >> CLASS_SHIFT {
        CLASS_REALTIME if !may_use_realtime(&cx) => bail!(EPERM, "only CAP_SYS_NICE has this class"),
        CLASS_REALTIME | CLASS_BEST_EFFORT | CLASS_IDLE => {}
        CLASS_NONE if priority & LEVEL == 0 => {}
        _ => bail!(EINVAL, "no such class or level"),
    }
    for thread in Who::of_io(which, whom, cx.thread)?.threads()? {
        let (mine, its) = (cx.thread.credentials(), thread.credentials());
        if its.ruid != mine.euid && its.ruid != mine.ruid && !mine.has_cap(cap::SYS_NICE) {
            bail!(EPERM, "the thread is another user's");
        }
        check_capabilities(cx.thread, &thread)?;
        let mut settings = thread.settings.lock();
        handle(&thread)?.set_io_priority(priority).map_err(|error| refused("an I/O priority", error))?;
        settings.io_priority = priority;
    }
    Ok(0)
}

fn may_use_realtime(cx: &Context<'_>) -> bool {
    let credentials = cx.thread.credentials();
    credentials.has_cap(cap::SYS_ADMIN) || credentials.has_cap(cap::SYS_NICE)
}

/// `ioprio_get(2)`: what was set for a thread; the highest that is in effect for a group or user.
pub fn ioprio_get(cx: Context<'_>, which: i32, whom: u32) -> Result<usize> {
    let who = Who::of_io(which, whom, cx.thread)?;
    let threads = who.threads()?;
    let best = threads.iter().map(|thread| {
        let settings = thread.settings.lock();
        match who {
            Who::Thread(_) => settings.io_priority,
            Who::Group(_) | Who::User(_) => effective(&settings),
        }
    });
    Ok(usize::from(best.min().unwrap_or(0)))
}

/// Who has no I/O priority of its own has one by its policy and nice value.
fn effective(settings: &Settings) -> u16 {
    if settings.io_priority >> CLASS_SHIFT != CLASS_NONE {
        return settings.io_priority;
    }
    let class = match settings.policy {
        Policy::Fifo(_) | Policy::RoundRobin(_) => CLASS_REALTIME,
        Policy::Idle => CLASS_IDLE,
        Policy::Other | Policy::Batch => CLASS_BEST_EFFORT,
    };
    class << CLASS_SHIFT | ((i16::from(settings.nice) + 20) as u16 / 5)
}
