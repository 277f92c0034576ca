//! OCalls about time, answered by the host's vDSO where it can.

use crate::errno::{Errno, Error, Result};
use crate::host;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use linux_raw_sys::general::{__NR_clock_getres, __NR_clock_gettime, __NR_clock_settime};

/// A clock of Linux that every host thread sees alike (`man 2 clock_gettime`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[expect(missing_docs, reason = "named as Linux names them")]
pub enum Clock {
    Realtime = 0,
    Monotonic = 1,
    ProcessCpu = 2,
    ThreadCpu = 3,
    MonotonicRaw = 4,
    RealtimeCoarse = 5,
    MonotonicCoarse = 6,
    Boottime = 7,
    RealtimeAlarm = 8,
    BoottimeAlarm = 9,
    Tai = 11,
}

impl Clock {
    /// The clock of this number.
    pub const fn from_raw(raw: u32) -> Option<Self> {
        Some(match raw {
            0 => Self::Realtime,
            1 => Self::Monotonic,
            2 => Self::ProcessCpu,
            3 => Self::ThreadCpu,
            4 => Self::MonotonicRaw,
            5 => Self::RealtimeCoarse,
            6 => Self::MonotonicCoarse,
            7 => Self::Boottime,
            8 => Self::RealtimeAlarm,
            9 => Self::BoottimeAlarm,
            11 => Self::Tai,
            _ => return None,
        })
    }

    /// Whether the vDSO answers without a system call.
    const fn is_in_vdso(self) -> bool {
        matches!(
            self,
            Self::Realtime
                | Self::Monotonic
                | Self::MonotonicRaw
                | Self::RealtimeCoarse
                | Self::MonotonicCoarse
                | Self::Boottime
                | Self::Tai
        )
    }
}

/// Address of the vDSO's `clock_gettime`, or 0.
static VDSO_CLOCK_GETTIME: AtomicUsize = AtomicUsize::new(0);

/// Uses the vDSO's function from now on.
///
/// # Safety
/// `addr` is the address of the host's `__vdso_clock_gettime`.
pub(crate) unsafe fn use_vdso(addr: usize) {
    VDSO_CLOCK_GETTIME.store(addr, Ordering::Relaxed);
}

/// What `clock` shows; time since its epoch.
pub fn now(clock: Clock) -> Duration {
    let mut time = [0_i64; 2];
    let vdso = VDSO_CLOCK_GETTIME.load(Ordering::Relaxed);
    if vdso != 0 && clock.is_in_vdso() {
        // SAFETY: set by `use_vdso`; the function writes a `struct timespec`.
        unsafe {
            let clock_gettime: extern "C" fn(u32, *mut [i64; 2]) -> i32 = core::mem::transmute(vdso);
            clock_gettime(clock as u32, &raw mut time);
        }
    } else {
        // SAFETY: the host writes a `struct timespec`. Not counted as an OCall, since counting asks for the time.
        unsafe { host::raw(__NR_clock_gettime, [clock as usize, &raw mut time as usize, 0, 0, 0, 0]) };
    }
    Duration::new(time[0].max(0) as u64, (time[1] as u32).min(999_999_999))
}

/// The processor time of a host thread of this host process, if there is such a thread.
pub fn thread_cpu(host_tid: u32) -> Option<Duration> {
    // As `clock_getcpuclockid` makes the ids: a thread's clock of what the scheduler counts (`linux/posix-timers.h`).
    const PER_THREAD_SCHED: i32 = 6;
    let id = !(i32::try_from(host_tid).ok()?) << 3 | PER_THREAD_SCHED;
    let mut time = [0_i64; 2];
    // SAFETY: the host writes a `struct timespec`.
    unsafe { host::call(__NR_clock_gettime, [id as usize, &raw mut time as usize, 0, 0, 0, 0]) }.ok()?;
    Some(Duration::new(time[0].max(0) as u64, (time[1] as u32).min(999_999_999)))
}

/// The resolution of `clock`; nothing if the host doesn't have it: those that wake the machine need hardware.
pub fn resolution(clock: Clock) -> Option<Duration> {
    let mut time = [0_i64; 2];
    // SAFETY: the host writes a `struct timespec`.
    unsafe { host::call(__NR_clock_getres, [clock as usize, &raw mut time as usize, 0, 0, 0, 0]) }.ok()?;
    Some(Duration::new(time[0].max(0) as u64, (time[1] as u32).min(999_999_999)))
}

/// Sets the host's real-time clock.
///
/// # Errors
/// `EPERM` unless the host lets us.
pub fn set_realtime(time: Duration) -> Result<()> {
    let secs = i64::try_from(time.as_secs()).map_err(|_| Error::from(Errno::EINVAL))?;
    let time = [secs, i64::from(time.subsec_nanos())];
    // SAFETY: the host reads a `struct timespec`.
    unsafe { host::call(__NR_clock_settime, [0, &raw const time as usize, 0, 0, 0, 0])? };
    Ok(())
}
