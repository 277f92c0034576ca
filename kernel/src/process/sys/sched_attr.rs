//! `sched_setattr(2)`, `sched_getattr(2)`, and I/O priorities (`man 2 ioprio_set`).

use super::sched::{Who, may_schedule, set_nice, set_policy, target};
use crate::prelude::*;
use crate::process::{Policy, cap};
use crate::syscalls::Context;
use crate::syscalls::args::Flags;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct sched_attr` of `linux/sched/types.h`.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SchedAttr {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime: u64,
    deadline: u64,
    period: u64,
    util_min: u32,
    util_max: u32,
}

const FIRST_VERSION: usize = 48;
const RESET_ON_FORK: u64 = 1;
const KEEP_POLICY: u64 = 8;
const KEEP_PARAMS: u64 = 16;
const KNOWN_FLAGS: u64 = 0x7f;

/// `sched_setattr(2)`.
pub fn sched_setattr(cx: Context<'_>, tid: i32, attr: UserPtr<SchedAttr>, flags: Flags) -> Result<usize> {
    if attr.is_null() || tid < 0 || flags.0 != 0 {
        bail!(EINVAL, "a parameter is missing, negative or undefined");
    }
    let wanted = read_attr(attr)?;
    if wanted.flags & !KNOWN_FLAGS != 0 || (wanted.policy as i32) < 0 && wanted.flags & KEEP_POLICY == 0 {
        bail!(EINVAL, "undefined flags or policy");
    }
    let thread = target(cx.thread, tid)?;
    let (current, nice) = {
        let settings = thread.settings.lock();
        (settings.policy, settings.nice)
    };
    let (policy, priority) = current.raw();
    let policy = if wanted.flags & KEEP_POLICY == 0 { wanted.policy } else { policy };
    let (priority, nice) = if wanted.flags & KEEP_PARAMS == 0 {
        (wanted.priority, wanted.nice.clamp(-20, 19) as i8)
    } else {
        (u32::from(priority), nice)
    };
    let policy = Policy::from_raw(policy, i32::try_from(priority).unwrap_or(i32::MAX))?;
    if !may_schedule(cx.thread, &thread) {
        bail!(EPERM, "the thread is another user's");
    }
    if matches!(policy, Policy::Other | Policy::Batch) {
        set_nice(cx.thread, &thread, nice).map_err(|error| match error.errno() {
            Errno::EACCES => err!(EPERM, "only CAP_SYS_NICE lowers nice values so far"),
            _ => error,
        })?;
    }
    set_policy(cx.thread, &thread, policy, wanted.flags & RESET_ON_FORK != 0)?;
    Ok(0)
}

/// Reads the structure in the version that its size says; `E2BIG` if unknown fields are set.
fn read_attr(attr: UserPtr<SchedAttr>) -> Result<SchedAttr> {
    let known = size_of::<SchedAttr>();
    let size = match attr.cast::<u32>().read()? as usize {
        0 => FIRST_VERSION,
        size => size,
    };
    if !(FIRST_VERSION..=frame::layout::PAGE_SIZE).contains(&size) {
        // The program learns which size is right.
        attr.cast::<u32>().write(&(known as u32))?;
        bail!(E2BIG, "no such version of the structure");
    }
    let bytes = attr.cast::<u8>().slice(size)?.to_vec()?;
    if bytes.iter().skip(known).any(|&byte| byte != 0) {
        attr.cast::<u32>().write(&(known as u32))?;
        bail!(E2BIG, "unknown fields are set");
    }
    let mut value = SchedAttr::default();
    let len = size.min(known);
    value.as_mut_bytes()[..len].copy_from_slice(&bytes[..len]);
    Ok(value)
}

/// `sched_getattr(2)`.
pub fn sched_getattr(cx: Context<'_>, tid: i32, attr: UserPtr<SchedAttr>, size: u32, flags: Flags) -> Result<usize> {
    let size = size as usize;
    if attr.is_null() || tid < 0 || flags.0 != 0 || !(FIRST_VERSION..=frame::layout::PAGE_SIZE).contains(&size) {
        bail!(EINVAL, "a parameter is missing, negative or undefined");
    }
    let thread = target(cx.thread, tid)?;
    let settings = thread.settings.lock().clone();
    let (policy, priority) = settings.policy.raw();
    let len = size.min(size_of::<SchedAttr>());
    let is_fair = matches!(settings.policy, Policy::Other | Policy::Batch | Policy::Idle);
    let value = SchedAttr {
        size: len as u32,
        policy,
        flags: u64::from(settings.reset_on_fork) * RESET_ON_FORK,
        nice: if is_fair { i32::from(settings.nice) } else { 0 },
        priority: u32::from(priority),
        util_max: 1024,
        ..SchedAttr::default()
    };
    attr.cast::<u8>().write_array(&value.as_bytes()[..len])?;
    Ok(0)
}

const CLASS_SHIFT: u16 = 13;
const CLASS_NONE: u16 = 0;
const CLASS_REALTIME: u16 = 1;
const CLASS_BEST_EFFORT: u16 = 2;
const CLASS_IDLE: u16 = 3;

fn who(which: i32, whom: u32) -> Result<Who> {
    match which {
        1 => Ok(Who::Thread(whom)),
        2 => Ok(Who::Group(whom)),
        3 => Ok(Who::User(whom)),
        _ => Err(err!(EINVAL, "neither process, group nor user")),
    }
}

/// `ioprio_set(2)`.
pub fn ioprio_set(cx: Context<'_>, which: i32, whom: u32, priority: i32) -> Result<usize> {
    const LEVELS: u16 = 8;
    let priority = priority as u16;
    let level = priority & 7;
    match priority >> CLASS_SHIFT {
        CLASS_REALTIME if !may_use_realtime(&cx) => bail!(EPERM, "only CAP_SYS_ADMIN has this class"),
        CLASS_REALTIME | CLASS_BEST_EFFORT if level < LEVELS => {}
        CLASS_IDLE => {}
        CLASS_NONE if level == 0 => {}
        _ => bail!(EINVAL, "no such class or level"),
    }
    for thread in who(which, whom)?.threads(cx.thread)? {
        if !may_schedule(cx.thread, &thread) {
            bail!(EPERM, "the thread is another user's");
        }
        thread.settings.lock().io_priority = priority;
    }
    Ok(0)
}

fn may_use_realtime(cx: &Context<'_>) -> bool {
    let credentials = cx.thread.credentials();
    credentials.has_cap(cap::SYS_ADMIN) || credentials.has_cap(cap::SYS_NICE)
}

/// `ioprio_get(2)`: the highest of those who are meant.
pub fn ioprio_get(cx: Context<'_>, which: i32, whom: u32) -> Result<usize> {
    let threads = who(which, whom)?.threads(cx.thread)?;
    let effective = |priority: u16, nice: i8| match priority >> CLASS_SHIFT {
        // Linux derives the level from the nice value.
        CLASS_NONE => (CLASS_BEST_EFFORT << CLASS_SHIFT) | ((i16::from(nice) + 20) as u16 / 5),
        _ => priority,
    };
    let best = threads.iter().map(|thread| {
        let settings = thread.settings.lock();
        effective(settings.io_priority, settings.nice)
    });
    Ok(usize::from(best.min().unwrap_or(0)))
}
