//! System calls about timers that send signals.

use super::Timeval;
use crate::prelude::*;
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
        Self { interval: interval.into(), value: value.into() }
    }
}

/// `ITIMER_REAL`, the only one there is.
fn check_real(which: i32) -> Result<()> {
    match which {
        0 => Ok(()),
        1 | 2 => {
            warn!("timers of processor time are not supported yet");
            Err(err!(ENOSYS, "timers of processor time are not supported yet"))
        }
        _ => Err(err!(EINVAL, "no such timer")),
    }
}

/// `getitimer(2)`.
pub fn getitimer(cx: Context<'_>, which: i32, value: UserPtr<IntervalTimer>) -> Result<usize> {
    check_real(which)?;
    value.write(&cx.thread.process.timers.real().into())?;
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
    check_real(which)?;
    let process = &cx.thread.process;
    let previous = process.timers.set_real(process, value, interval)?;
    old.write_if_some(&previous.into())?;
    Ok(0)
}

/// `alarm(2)`.
pub fn alarm(cx: Context<'_>, seconds: u32) -> Result<usize> {
    let process = &cx.thread.process;
    let [left, _] = process.timers.set_real(process, Duration::from_secs(u64::from(seconds)), Duration::ZERO)?;
    // Rounded to seconds, but never to nothing.
    let rounded = left.as_secs() + u64::from(left.subsec_micros() >= 500_000);
    Ok(if left.is_zero() { 0 } else { rounded.max(1) } as usize)
}
