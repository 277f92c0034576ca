//! System calls about timers that are files.

use super::clock::ProgramClock;
use super::timer_sys::TimerSpec;
use super::timerfd::{OnSet, TimerFile};
use super::timers::When;
use crate::flags_arg;
use crate::fs::sys::install;
use crate::fs::{FdFlags, File, StatusFlags};
use crate::prelude::*;
use crate::syscalls::Context;
use crate::syscalls::args::FileDesc;
use bitflags::bitflags;
use frame::ocall::time::Clock;

bitflags! {
    /// Flags of `timerfd_create`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct TimerFdFlags: u32 {
        /// `TFD_NONBLOCK`.
        const TFD_NONBLOCK = 0o4000;
        /// `TFD_CLOEXEC`.
        const TFD_CLOEXEC = 0o2_000_000;
    }
}
flags_arg!(TimerFdFlags);

bitflags! {
    /// Flags of `timerfd_settime`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct SetTimeFlags: u32 {
        /// `TFD_TIMER_ABSTIME`.
        const TFD_TIMER_ABSTIME = 1;
        /// `TFD_TIMER_CANCEL_ON_SET`.
        const TFD_TIMER_CANCEL_ON_SET = 2;
    }
}
flags_arg!(SetTimeFlags);

/// `timerfd_create(2)`.
pub fn timerfd_create(cx: Context<'_>, clock: i32, flags: TimerFdFlags) -> Result<usize> {
    const CAP_WAKE_ALARM: u32 = 35;
    let clock = match ProgramClock::find(cx.thread, clock) {
        Ok(ProgramClock::Host(clock @ (Clock::Realtime | Clock::Monotonic | Clock::Boottime))) => clock,
        Ok(ProgramClock::Host(clock @ (Clock::RealtimeAlarm | Clock::BoottimeAlarm))) => {
            if !cx.thread.credentials().has_cap(CAP_WAKE_ALARM) {
                bail!(EPERM, "only root may wake the machine");
            }
            clock
        }
        _ => bail!(EINVAL, "not a clock for files"),
    };
    let status = StatusFlags::from_bits_truncate(flags.bits()) & StatusFlags::O_NONBLOCK;
    let fd_flags = if flags.contains(TimerFdFlags::TFD_CLOEXEC) { FdFlags::CLOEXEC } else { FdFlags::empty() };
    install(cx.thread, TimerFile::new(clock, status), fd_flags)
}

fn as_timer(file: &dyn File) -> Result<&TimerFile> {
    file.downcast_ref().ok_or(err!(EINVAL, "not a timer"))
}

/// `timerfd_settime(2)`.
pub fn timerfd_settime(
    cx: Context<'_>,
    fd: FileDesc,
    flags: SetTimeFlags,
    new: UserPtr<TimerSpec>,
    old: UserPtr<TimerSpec>,
) -> Result<usize> {
    let [value, interval] = new.read()?.durations()?;
    let file = cx.thread.file(fd)?;
    let timer = as_timer(&*file)?;
    let is_absolute = flags.contains(SetTimeFlags::TFD_TIMER_ABSTIME);
    let when = if is_absolute { When::At(value) } else { When::After(value) };
    let on_set = if is_absolute && flags.contains(SetTimeFlags::TFD_TIMER_CANCEL_ON_SET) && timer.is_of_the_date() {
        OnSet::Cancel
    } else {
        OnSet::GoOn
    };
    let previous = timer.set(when, interval, on_set)?;
    old.write_if_some(&previous.into())?;
    Ok(0)
}

/// `timerfd_gettime(2)`.
pub fn timerfd_gettime(cx: Context<'_>, fd: FileDesc, value: UserPtr<TimerSpec>) -> Result<usize> {
    let file = cx.thread.file(fd)?;
    value.write(&as_timer(&*file)?.get().into())?;
    Ok(0)
}
