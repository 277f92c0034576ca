//! System calls about timers that send signals.

use super::clock::ProgramClock;
use super::timers::{IntervalKind, Notify, When};
use super::{Timespec, Timeval};
use crate::prelude::*;
use crate::signal::Signal;
use crate::syscalls::Context;
use core::time::Duration;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct itimerval`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct IntervalTimer {
    interval: Timeval,
    value: Timeval,
}

impl From<[Duration; 2]> for IntervalTimer {
    fn from([value, interval]: [Duration; 2]) -> Self {
        // An armed timer never shows zero.
        let value = if value.is_zero() { value } else { value.max(Duration::from_micros(1)) };
        Self { interval: interval.into(), value: value.into() }
    }
}

/// `struct itimerspec`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct TimerSpec {
    interval: Timespec,
    value: Timespec,
}

impl TimerSpec {
    /// First time and interval.
    ///
    /// # Errors
    /// `EINVAL` if one isn't sound.
    pub(super) fn durations(self) -> Result<[Duration; 2]> {
        Ok([self.value.duration()?, self.interval.duration()?])
    }
}

impl From<[Duration; 2]> for TimerSpec {
    fn from([value, interval]: [Duration; 2]) -> Self {
        Self { interval: interval.into(), value: value.into() }
    }
}

/// `struct sigevent`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SigEvent {
    value: u64,
    signo: i32,
    notify: i32,
    tid: i32,
    pad: [i32; 11],
}

impl SigEvent {
    /// `sigev_value`.
    pub fn value(&self) -> u64 {
        self.value
    }

    /// `sigev_signo`.
    pub fn signo(&self) -> i32 {
        self.signo
    }

    /// `sigev_notify`.
    pub fn notify(&self) -> i32 {
        self.notify
    }
}

impl IntervalKind {
    fn from_raw(which: i32) -> Result<Self> {
        match which {
            0 => Ok(Self::Real),
            1 => Ok(Self::Virtual),
            2 => Ok(Self::Prof),
            _ => Err(err!(EINVAL, "no such timer")),
        }
    }
}

/// `getitimer(2)`.
pub fn getitimer(cx: Context<'_>, which: i32, value: UserPtr<IntervalTimer>) -> Result<usize> {
    let kind = IntervalKind::from_raw(which)?;
    value.write(&cx.thread.process.timers.interval_timer(kind).into())?;
    Ok(0)
}

/// `setitimer(2)`.
pub fn setitimer(
    cx: Context<'_>,
    which: i32,
    new: UserPtr<IntervalTimer>,
    old: UserPtr<IntervalTimer>,
) -> Result<usize> {
    let [value, interval] = match new.non_null() {
        Some(new) => {
            let new = new.read()?;
            [new.value.duration()?, new.interval.duration()?]
        }
        None => [Duration::ZERO; 2],
    };
    let kind = IntervalKind::from_raw(which)?;
    let process = &cx.thread.process;
    let previous = process.timers.set_interval_timer(process, kind, value, interval)?;
    old.write_if_some(&previous.into())?;
    Ok(0)
}

/// `alarm(2)`.
pub fn alarm(cx: Context<'_>, seconds: u32) -> Result<usize> {
    let process = &cx.thread.process;
    let after = Duration::from_secs(u64::from(seconds));
    let [left, _] = process.timers.set_interval_timer(process, IntervalKind::Real, after, Duration::ZERO)?;
    // Rounded to seconds, but never to nothing.
    let rounded = left.as_secs() + u64::from(left.subsec_micros() >= 500_000);
    Ok(if left.is_zero() { 0 } else { rounded.max(1) } as usize)
}

/// `timer_create(2)`.
pub fn timer_create(cx: Context<'_>, clock: i32, event: UserPtr<SigEvent>, id: UserPtr<i32>) -> Result<usize> {
    let event = event.non_null().map(UserPtr::read).transpose()?;
    let clock = ProgramClock::find(cx.thread, clock)?.seen_by_all(cx.thread);
    clock.check_waitable(cx.thread)?;
    let event = event.map(|event| notify(&cx, event)).transpose()?;
    let process = &cx.thread.process;
    let default = |id: i32| Notify::Process(Signal::SIGALRM, id as u64);
    let created = process.timers.create(process, clock, |id| event.unwrap_or_else(|| default(id)))?;
    if let Err(error) = id.write(&created) {
        process.timers.delete(created)?;
        return Err(error);
    }
    Ok(0)
}

fn notify(cx: &Context<'_>, event: SigEvent) -> Result<Notify> {
    const SIGEV_SIGNAL: i32 = 0;
    const SIGEV_NONE: i32 = 1;
    const SIGEV_THREAD: i32 = 2;
    const SIGEV_THREAD_ID: i32 = 4;
    let signal = || Signal::new(event.signo as u64);
    match event.notify {
        SIGEV_NONE => Ok(Notify::Nothing),
        // A library's affair; Linux sends the signal as for the other.
        SIGEV_SIGNAL | SIGEV_THREAD => Ok(Notify::Process(signal()?, event.value)),
        SIGEV_THREAD_ID => {
            let thread = cx.thread.process.threads.lock().get(&(event.tid as u32)).map(Arc::downgrade);
            let thread = thread.ok_or(err!(EINVAL, "not a thread of the process"))?;
            Ok(Notify::Thread(signal()?, event.value, thread))
        }
        _ => Err(err!(EINVAL, "no such way to notify")),
    }
}

/// `timer_settime(2)`.
pub fn timer_settime(
    cx: Context<'_>,
    id: i32,
    flags: u32,
    new: UserPtr<TimerSpec>,
    old: UserPtr<TimerSpec>,
) -> Result<usize> {
    const TIMER_ABSTIME: u32 = 1;
    let new = new.non_null().ok_or(err!(EINVAL, "no time"))?.read()?;
    let [value, interval] = new.durations()?;
    let when = if flags & TIMER_ABSTIME == 0 { When::After(value) } else { When::At(value) };
    let process = &cx.thread.process;
    let previous = process.timers.set(process, id, when, interval)?;
    old.write_if_some(&previous.into())?;
    Ok(0)
}

/// `timer_gettime(2)`.
pub fn timer_gettime(cx: Context<'_>, id: i32, value: UserPtr<TimerSpec>) -> Result<usize> {
    let left = cx.thread.process.timers.get(id)?;
    value.write(&left.into())?;
    Ok(0)
}

/// `timer_getoverrun(2)`.
pub fn timer_getoverrun(cx: Context<'_>, id: i32) -> Result<usize> {
    Ok(cx.thread.process.timers.overrun(id)? as usize)
}

/// `timer_delete(2)`.
pub fn timer_delete(cx: Context<'_>, id: i32) -> Result<usize> {
    cx.thread.process.timers.delete(id)?;
    Ok(0)
}
