//! System calls about time.

use super::clock::ProgramClock;
use super::{Timespec, Timeval};
use crate::prelude::*;
use crate::signal;
use crate::syscalls::{Context, restart_by};
use core::time::Duration;
use frame::ocall::process::Rusage;
use frame::ocall::time::{self, Clock};
use frame::sync::{Deadline, WaitError, Waiter};

pub use super::timer_sys::*;
pub use super::timerfd_sys::*;

/// `clock_gettime(2)`.
pub fn clock_gettime(cx: Context<'_>, id: i32, time: UserPtr<Timespec>) -> Result<usize> {
    let shown = ProgramClock::find_to_read(cx.thread, id)?.now().ok_or(err!(EINVAL, "the clock's thread has ended"))?;
    time.write(&shown.into())?;
    Ok(0)
}

/// `clock_getres(2)`.
pub fn clock_getres(cx: Context<'_>, id: i32, resolution: UserPtr<Timespec>) -> Result<usize> {
    let clock = ProgramClock::find_to_read(cx.thread, id)?;
    resolution.write_if_some(&clock.resolution().into())?;
    Ok(0)
}

/// Setting the time needs `CAP_SYS_TIME`, and the host's consent.
fn set_time(cx: &Context<'_>, time: Duration) -> Result<usize> {
    const CAP_SYS_TIME: u32 = 25;
    if !cx.thread.credentials().has_cap(CAP_SYS_TIME) {
        bail!(EPERM, "only root may set the time");
    }
    warn!("the host's clock isn't set for programs ({} s)", time.as_secs());
    bail!(EPERM, "the host's clock isn't set for programs")
}

/// `clock_settime(2)`.
pub fn clock_settime(cx: Context<'_>, id: i32, time: UserPtr<Timespec>) -> Result<usize> {
    if !matches!(ProgramClock::find(cx.thread, id)?, ProgramClock::Host(Clock::Realtime)) {
        bail!(EINVAL, "the clock can't be set");
    }
    let time = time.read()?.duration()?;
    set_time(&cx, time)
}

/// `gettimeofday(2)`.
pub fn gettimeofday(_cx: Context<'_>, time: UserPtr<Timeval>, zone: UserPtr<[i32; 2]>) -> Result<usize> {
    time.write_if_some(&time::now(Clock::Realtime).into())?;
    zone.write_if_some(&[0, 0])?;
    Ok(0)
}

/// `settimeofday(2)`.
pub fn settimeofday(cx: Context<'_>, time: UserPtr<Timeval>, zone: UserPtr<[i32; 2]>) -> Result<usize> {
    if let Some(zone) = zone.non_null() {
        zone.read()?;
    }
    match time.non_null() {
        Some(time) => {
            let time = time.read()?.duration()?;
            set_time(&cx, time)
        }
        None => set_time(&cx, Duration::ZERO),
    }
}

/// `time(2)`.
pub fn time(_cx: Context<'_>, time: UserPtr<i64>) -> Result<usize> {
    let secs = time::now(Clock::RealtimeCoarse).as_secs();
    time.write_if_some(&(secs as i64))?;
    Ok(secs as usize)
}

/// `nanosleep(2)`.
pub fn nanosleep(cx: Context<'_>, request: UserPtr<Timespec>, remaining: UserPtr<Timespec>) -> Result<usize> {
    let duration = request.read()?.duration()?;
    sleep(&cx, Deadline::after(duration), remaining)
}

/// `clock_nanosleep(2)`.
pub fn clock_nanosleep(
    cx: Context<'_>,
    id: i32,
    flags: u32,
    request: UserPtr<Timespec>,
    remaining: UserPtr<Timespec>,
) -> Result<usize> {
    const TIMER_ABSTIME: u32 = 1;
    let is_absolute = flags & TIMER_ABSTIME != 0;
    let clock = ProgramClock::find(cx.thread, id)?;
    clock.check_waitable(cx.thread)?;
    let clock = match clock {
        ProgramClock::CallingThread if id < 0 => {
            bail!(EINVAL, "a thread can't sleep on its own processor time");
        }
        ProgramClock::CallingThread => {
            bail!(EOPNOTSUPP, "a thread can't sleep on its own processor time");
        }
        ProgramClock::Host(clock) => clock,
        clock => {
            let time = request.read()?.duration()?;
            return sleep_on_processor_time(&cx, &clock, time, is_absolute, remaining);
        }
    };
    let time = request.read()?.duration()?;
    if !is_absolute {
        return sleep(&cx, Deadline::after(time), remaining);
    }
    match wait(Deadline::at(clock, time)) {
        Ok(()) => Ok(0),
        // Made again with the same point of time.
        Err(_) => Err(Errno::ERESTARTNOHAND.into()),
    }
}

/// Looks at the clock now and then. Interrupted, it isn't made again: that would begin the time anew.
fn sleep_on_processor_time(
    cx: &Context<'_>,
    clock: &ProgramClock,
    time: Duration,
    is_absolute: bool,
    remaining: UserPtr<Timespec>,
) -> Result<usize> {
    let ended = err!(EINVAL, "the clock's thread has ended");
    let until = if is_absolute { time } else { clock.now().ok_or(ended)?.saturating_add(time) };
    let threads = cx.thread.process.threads.lock().len();
    loop {
        let shown = clock.now().ok_or(ended)?;
        if shown >= until {
            return Ok(0);
        }
        let look = clock.look_again(until, threads).ok_or(ended)?;
        if wait(Deadline::at(Clock::Monotonic, look)).is_err() && signal::is_wanted(cx.thread) {
            if is_absolute {
                return Err(Errno::ERESTARTNOHAND.into());
            }
            remaining.write_if_some(&until.saturating_sub(shown).into())?;
            bail!(EINTR, "interrupted by a signal");
        }
    }
}

fn wait(deadline: Deadline) -> Result<(), WaitError> {
    let waiter = Waiter::current();
    loop {
        match waiter.wait(Some(deadline)) {
            Ok(()) => {}
            Err(WaitError::TimedOut) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// Sleeps; a signal without a handler lets it go on later.
fn sleep(cx: &Context<'_>, deadline: Deadline, remaining: UserPtr<Timespec>) -> Result<usize> {
    if wait(deadline).is_ok() {
        return Ok(0);
    }
    remaining.write_if_some(&deadline.remaining().into())?;
    Err(restart_by(cx.thread, move |cx| sleep(&cx, deadline, remaining)))
}

/// `times(2)`: processor time in hundredths of a second.
pub fn times(cx: Context<'_>, buffer: UserPtr<[i64; 4]>) -> Result<usize> {
    let process = &cx.thread.process;
    let ticks = |[secs, micros]: [i64; 2]| secs * 100 + micros / 10_000;
    let [own, children] = [process.usage(), process.usage_of_children()];
    buffer.write_if_some(&[ticks(own.utime), ticks(own.stime), ticks(children.utime), ticks(children.stime)])?;
    Ok((time::now(Clock::Monotonic).as_millis() / 10) as usize)
}

/// `getrusage(2)`.
pub fn getrusage(cx: Context<'_>, who: i32, buffer: UserPtr<Rusage>) -> Result<usize> {
    let usage = match who {
        0 => cx.thread.process.usage(),
        1 => cx.thread.usage(),
        -1 => cx.thread.process.usage_of_children(),
        _ => bail!(EINVAL, "no such resource usage"),
    };
    buffer.write(&usage)?;
    Ok(0)
}
