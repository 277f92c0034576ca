//! System calls on futexes.

use super::futex::{self, Awaited, Futex, MATCH_ANY, WakeOp};
use super::futex_pi::{self, IfHeld};
use super::futex_queue::Scope;
use crate::prelude::*;
use crate::process::{AccessMode, may_access, table};
use crate::syscalls::args::{Addr, Flags};
use crate::syscalls::{Context, restart_by};
use core::time::Duration;
use frame::ocall::time::Clock;
use frame::sync::Deadline;
use linux_raw_sys::general::{
    FUTEX_CLOCK_REALTIME, FUTEX_CMP_REQUEUE, FUTEX_CMP_REQUEUE_PI, FUTEX_LOCK_PI, FUTEX_LOCK_PI2, FUTEX_PRIVATE_FLAG,
    FUTEX_REQUEUE, FUTEX_TRYLOCK_PI, FUTEX_UNLOCK_PI, FUTEX_WAIT, FUTEX_WAIT_BITSET, FUTEX_WAIT_REQUEUE_PI, FUTEX_WAKE,
    FUTEX_WAKE_BITSET, FUTEX_WAKE_OP,
};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct timespec`.
type Timespec = [i64; 2];

/// `futex(2)`. The fourth argument is a timeout or a count, by operation.
pub fn futex(
    cx: Context<'_>,
    word: UserPtr<u32>,
    operation: Flags,
    value: u32,
    timeout: u64,
    word2: UserPtr<u32>,
    value3: u32,
) -> Result<usize> {
    let thread = cx.thread;
    let scope = if operation.0 & FUTEX_PRIVATE_FLAG == 0 { Scope::Shared } else { Scope::Private };
    let is_realtime = operation.0 & FUTEX_CLOCK_REALTIME != 0;
    let command = operation.0 & !(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
    let first = Futex { word, scope };
    let second = Futex { word: word2, scope };
    if is_realtime && !matches!(command, FUTEX_WAIT_BITSET | FUTEX_WAIT_REQUEUE_PI | FUTEX_LOCK_PI2) {
        bail!(ENOSYS, "this futex operation has no clock to choose");
    }
    let clock = if is_realtime || command == FUTEX_LOCK_PI { Clock::Realtime } else { Clock::Monotonic };
    let deadline = || match command {
        FUTEX_WAIT => relative(timeout),
        _ => absolute(timeout, clock),
    };
    // Linux wakes one at least.
    let wake_count = (value as i32).max(1) as usize;
    match command {
        FUTEX_WAIT => wait(&cx, first, value, MATCH_ANY, deadline()?),
        FUTEX_WAIT_BITSET => wait(&cx, first, value, value3, deadline()?),
        FUTEX_WAKE => futex::wake(thread, first, wake_count, MATCH_ANY),
        FUTEX_WAKE_BITSET => futex::wake(thread, first, wake_count, value3),
        FUTEX_REQUEUE => futex::requeue(thread, first, second, None, count(value)?, count(timeout as u32)?),
        FUTEX_CMP_REQUEUE => futex::requeue(thread, first, second, Some(value3), count(value)?, count(timeout as u32)?),
        FUTEX_WAKE_OP => {
            let second_count = (timeout as i32).max(1) as usize;
            futex::wake_op(thread, first, second, wake_count, second_count, WakeOp::decode(value3)?)
        }
        FUTEX_LOCK_PI | FUTEX_LOCK_PI2 => futex_pi::lock_pi(thread, first, IfHeld::Wait(deadline()?)),
        FUTEX_TRYLOCK_PI => futex_pi::lock_pi(thread, first, IfHeld::Fail),
        FUTEX_UNLOCK_PI => futex_pi::unlock_pi(thread, first),
        FUTEX_WAIT_REQUEUE_PI => futex_pi::wait_requeue_pi(thread, first, value, second, deadline()?),
        FUTEX_CMP_REQUEUE_PI => {
            if value != 1 {
                bail!(EINVAL, "exactly one thread can get the lock");
            }
            futex_pi::cmp_requeue_pi(thread, first, second, value3, count(timeout as u32)?)
        }
        _ => Err(err!(ENOSYS, "no such futex operation")),
    }
}

/// Waits; with a timeout, a handler ends that even if it restarts calls, and other interruptions don't begin it anew.
fn wait(cx: &Context<'_>, futex: Futex, expected: u32, mask: u32, deadline: Option<Deadline>) -> Result<usize> {
    let result = futex::wait(cx.thread, futex, expected, mask, deadline);
    if deadline.is_some() && result.as_ref().is_err_and(|error| error.errno() == Errno::ERESTARTSYS) {
        return Err(restart_by(cx.thread, move |cx| wait(&cx, futex, expected, mask, deadline)));
    }
    result
}

/// A number of threads.
fn count(word: u32) -> Result<usize> {
    usize::try_from(word as i32).map_err(|_| err!(EINVAL, "a count is negative"))
}

/// Reads a `struct timespec`; none for NULL.
fn read_time(addr: u64) -> Result<Option<Duration>> {
    let Some(pointer) = UserPtr::<Timespec>::new(addr as usize).non_null() else {
        return Ok(None);
    };
    let [seconds, nanoseconds] = pointer.read()?;
    match (u64::try_from(seconds), u32::try_from(nanoseconds)) {
        (Ok(seconds), Ok(nanoseconds @ 0..=999_999_999)) => Ok(Some(Duration::new(seconds, nanoseconds))),
        _ => Err(err!(EINVAL, "the timeout is no time")),
    }
}

fn relative(timeout: u64) -> Result<Option<Deadline>> {
    Ok(read_time(timeout)?.map(Deadline::after))
}

fn absolute(timeout: u64, clock: Clock) -> Result<Option<Deadline>> {
    Ok(read_time(timeout)?.map(|at| Deadline::at(clock, at)))
}

/// The flags of `futex_wait` and its kin (`FUTEX2_*` of `linux/futex.h`).
fn scope_of(flags: u32) -> Result<Scope> {
    const SIZE_U32: u32 = 2;
    const PRIVATE: u32 = FUTEX_PRIVATE_FLAG;
    match flags {
        SIZE_U32 => Ok(Scope::Shared),
        _ if flags == SIZE_U32 | PRIVATE => Ok(Scope::Private),
        _ => Err(err!(EINVAL, "only futexes of 32 bits exist, private or shared")),
    }
}

/// The deadline of `futex_wait` and `futex_waitv`.
fn deadline_on(timeout: u64, clock: i32) -> Result<Option<Deadline>> {
    if timeout == 0 {
        return Ok(None);
    }
    match u32::try_from(clock).ok().and_then(Clock::from_raw) {
        Some(clock @ (Clock::Realtime | Clock::Monotonic)) => absolute(timeout, clock),
        _ => Err(err!(EINVAL, "a futex can't wait on this clock")),
    }
}

/// A value or mask of 32 bits that comes as 64.
fn narrow(word: u64) -> Result<u32> {
    u32::try_from(word).map_err(|_| err!(EINVAL, "wider than the futex"))
}

/// `futex_wake(2)`.
pub fn futex_wake(cx: Context<'_>, word: UserPtr<u32>, mask: u64, count: i32, flags: Flags) -> Result<usize> {
    let scope = scope_of(flags.0)?;
    let mask = narrow(mask)?;
    let futex = Futex { word, scope };
    if count == 0 {
        futex.key(cx.thread)?;
        return Ok(0);
    }
    futex::wake(cx.thread, futex, count.max(1) as usize, mask)
}

/// `futex_wait(2)`.
pub fn futex_wait(
    cx: Context<'_>,
    word: UserPtr<u32>,
    value: u64,
    mask: u64,
    flags: Flags,
    timeout: UserPtr<Timespec>,
    clock: i32,
) -> Result<usize> {
    let scope = scope_of(flags.0)?;
    let (value, mask) = (narrow(value)?, narrow(mask)?);
    let deadline = deadline_on(timeout.addr() as u64, clock)?;
    futex::wait(cx.thread, Futex { word, scope }, value, mask, deadline)
}

/// `struct futex_waitv` of `linux/futex.h`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FutexWaitv {
    value: u64,
    addr: u64,
    flags: u32,
    reserved: u32,
}

fn read_waiters(waiters: UserPtr<FutexWaitv>, count: usize) -> Result<Vec<Awaited>> {
    waiters
        .read_array(count)?
        .into_iter()
        .map(|waiter| {
            if waiter.reserved != 0 {
                bail!(EINVAL, "a reserved field isn't zero");
            }
            let scope = scope_of(waiter.flags)?;
            let word = UserPtr::new(waiter.addr as usize);
            Ok(Awaited { futex: Futex { word, scope }, expected: narrow(waiter.value)? })
        })
        .collect()
}

/// `futex_requeue(2)`.
pub fn futex_requeue(
    cx: Context<'_>,
    waiters: UserPtr<FutexWaitv>,
    flags: Flags,
    wake_count: i32,
    move_count: i32,
) -> Result<usize> {
    if flags.0 != 0 || waiters.is_null() {
        bail!(EINVAL, "no flags are defined, and two futexes are needed");
    }
    let pair = read_waiters(waiters, 2)?;
    let [from, to] = pair.as_slice() else {
        bail!(EINVAL);
    };
    let (wake_count, move_count) = (count(wake_count as u32)?, count(move_count as u32)?);
    futex::requeue(cx.thread, from.futex, to.futex, Some(from.expected), wake_count, move_count)
}

/// `futex_waitv(2)`.
pub fn futex_waitv(
    cx: Context<'_>,
    waiters: UserPtr<FutexWaitv>,
    count: u32,
    flags: Flags,
    timeout: UserPtr<Timespec>,
    clock: i32,
) -> Result<usize> {
    const MAX_WAITERS: u32 = 128;
    if flags.0 != 0 || count == 0 || count > MAX_WAITERS || waiters.is_null() {
        bail!(EINVAL, "one to 128 futexes can be waited for, and no flags are defined");
    }
    let deadline = deadline_on(timeout.addr() as u64, clock)?;
    futex::wait_any(cx.thread, &read_waiters(waiters, count as usize)?, deadline)
}

/// Size of `struct robust_list_head`.
const ROBUST_LIST_HEAD: usize = 24;

/// `set_robust_list(2)`.
pub fn set_robust_list(cx: Context<'_>, head: Addr, len: usize) -> Result<usize> {
    if len != ROBUST_LIST_HEAD {
        bail!(EINVAL, "the head of a robust list has another size");
    }
    *cx.thread.robust_list.lock() = (head.0 as u64, len);
    Ok(0)
}

/// `get_robust_list(2)`.
pub fn get_robust_list(cx: Context<'_>, tid: i32, head: UserPtr<u64>, len: UserPtr<usize>) -> Result<usize> {
    let thread = if tid == 0 {
        cx.thread.clone()
    } else {
        u32::try_from(tid).ok().and_then(table::find_thread).ok_or(err!(ESRCH, "no such thread"))?
    };
    may_access(cx.thread, &thread, AccessMode::Real)?;
    let (list, _) = *thread.robust_list.lock();
    len.write(&ROBUST_LIST_HEAD)?;
    head.write(&list)?;
    Ok(0)
}
