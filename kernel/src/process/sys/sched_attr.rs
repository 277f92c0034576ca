//! `sched_setattr(2)` and `sched_getattr(2)`.

use super::sched::{SCHED_DEADLINE, Wanted, handle, set_scheduling, target};
use crate::prelude::*;
use crate::process::{Policy, cap};
use crate::syscalls::Context;
use crate::syscalls::args::Flags;
pub use frame::ocall::thread::SchedAttr;
use zerocopy::IntoBytes;

const FIRST_VERSION: usize = 48;
const RESET_ON_FORK: u64 = 1;
const KEEP_POLICY: u64 = 8;
const KEEP_PARAMS: u64 = 16;
const KNOWN_FLAGS: u64 = 0x7f;

const UTIL_CLAMP: u64 = 0x60;

/// `sched_setattr(2)`.
pub fn sched_setattr(cx: Context<'_>, tid: i32, attr: UserPtr<SchedAttr>, flags: Flags) -> Result<usize> {
    if attr.is_null() || tid < 0 || flags.0 != 0 {
        bail!(EINVAL, "a parameter is missing, negative or undefined");
    }
    let wanted = read_attr(attr)?;
    if (wanted.policy as i32) < 0 {
        bail!(EINVAL, "the policy is negative");
    }
    let thread = target(cx.thread, tid)?;
    let current = thread.settings.lock().clone();
    let (policy, priority) = current.policy.raw();
    let keeps_policy = wanted.flags & KEEP_POLICY != 0;
    let policy = if keeps_policy { policy } else { wanted.policy };
    let keeps_params = wanted.flags & KEEP_PARAMS != 0;
    let (priority, nice) = if keeps_params {
        (u32::from(priority), current.nice)
    } else {
        (wanted.priority, wanted.nice.clamp(-20, 19) as i8)
    };
    if wanted.flags & !KNOWN_FLAGS != 0 {
        bail!(EINVAL, "undefined flags");
    }
    if policy == SCHED_DEADLINE {
        return refuse_deadline(&cx, &wanted);
    }
    let policy = Policy::from_raw(policy, i32::try_from(priority).unwrap_or(i32::MAX))?;
    if wanted.flags & UTIL_CLAMP != 0 {
        warn!("utilization clamping is not supported");
        bail!(EOPNOTSUPP, "utilization clamping is not built in");
    }
    // Linux checks the policy, but it goes with the parameters.
    let policy = if keeps_params { current.policy } else { policy };
    let reset_on_fork = if keeps_policy { current.reset_on_fork } else { wanted.flags & RESET_ON_FORK != 0 };
    let runtime_ns = if policy.has_nice() { wanted.runtime } else { 0 };
    set_scheduling(cx.thread, &thread, Wanted { policy, nice: Some(nice), reset_on_fork, runtime_ns })?;
    Ok(0)
}

/// `SCHED_DEADLINE` is for root alone, and the host's processor time isn't for programs to reserve.
fn refuse_deadline(cx: &Context<'_>, wanted: &SchedAttr) -> Result<usize> {
    const MIN_RUNTIME_NS: u64 = 1 << 10;
    const PERIODS_NS: core::ops::RangeInclusive<u64> = 100_000..=(1 << 22) * 1000;
    let period = if wanted.period == 0 { wanted.deadline } else { wanted.period };
    let is_ordered = wanted.runtime <= wanted.deadline && wanted.deadline <= period;
    if wanted.priority != 0 || !is_ordered || wanted.runtime < MIN_RUNTIME_NS || !PERIODS_NS.contains(&period) {
        bail!(EINVAL, "runtime, deadline and period make no sense");
    }
    if cx.thread.credentials().has_cap(cap::SYS_NICE) {
        warn!("SCHED_DEADLINE is not supported");
    }
    Err(err!(EPERM, "deadline scheduling is not allowed"))
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
    if value.flags & UTIL_CLAMP != 0 && size < known {
        bail!(EINVAL, "this version of the structure has no utilizations");
    }
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
    let is_fair = !settings.policy.is_realtime();
    // How long a slice is, if the host tells, is its choice unless the thread made one.
    let runtime = if is_fair { handle(&thread)?.scheduling()?.runtime } else { 0 };
    let value = SchedAttr {
        size: len as u32,
        policy,
        flags: u64::from(settings.reset_on_fork) * RESET_ON_FORK,
        nice: if is_fair { i32::from(settings.nice) } else { 0 },
        priority: u32::from(priority),
        runtime,
        ..SchedAttr::default()
    };
    attr.cast::<u8>().write_array(&value.as_bytes()[..len])?;
    Ok(0)
}
