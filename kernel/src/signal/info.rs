//! `siginfo_t`: what a handler learns about a signal (`man 2 sigaction`).

use super::Signal;
use crate::events::IoEvents;
use crate::process::wait::Change;
use crate::process::{Process, Thread};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `siginfo_t` of x86-64.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SigInfo {
    signo: i32,
    errno: i32,
    code: i32,
    pad: i32,
    /// What follows depends on the code.
    fields: [u64; 14],
}

/// Sent by `kill`.
pub(super) const SI_USER: i32 = 0;
/// Sent by the kernel.
pub(super) const SI_KERNEL: i32 = 0x80;
/// Sent by a POSIX timer.
pub(super) const SI_TIMER: i32 = -2;
/// Sent by `tkill` or `tgkill`.
pub(super) const SI_TKILL: i32 = -6;

impl SigInfo {
    /// Sent by the LibOS itself.
    pub const fn kernel(signal: Signal) -> Self {
        Self::new(signal, SI_KERNEL)
    }

    /// Sent by a thread, by `kill` ([`SI_USER`]) or `tgkill` ([`SI_TKILL`]).
    pub fn user(signal: Signal, code: i32, sender: &Thread) -> Self {
        let mut info = Self::new(signal, code);
        let uid = sender.credentials.read().ruid;
        info.fields[0] = u64::from(sender.process.pid()) | u64::from(uid) << 32;
        info
    }

    /// Sent by somebody outside.
    pub const fn outside(signal: Signal) -> Self {
        Self::new(signal, SI_USER)
    }

    /// A fault at an address.
    pub const fn fault(signal: Signal, code: i32, addr: usize) -> Self {
        let mut info = Self::new(signal, code);
        info.fields[0] = addr as u64;
        info
    }

    /// A change of a child, with what it has used.
    pub fn child(signal: Signal, child: &Process, change: Change) -> Self {
        /// Linux's clock ticks are hundredths of a second.
        const TICK_MICROS: i64 = 10_000;
        let usage = child.usage();
        let ticks = |[secs, micros]: [i64; 2]| (secs * (1_000_000 / TICK_MICROS) + micros / TICK_MICROS) as u64;
        let mut info = Self::waited(signal, child.pid(), child.uid(), change);
        (info.fields[2], info.fields[3]) = (ticks(usage.utime), ticks(usage.stime));
        info
    }

    /// A change of a child, as `waitid` shows it.
    pub fn waited(signal: Signal, pid: u32, uid: u32, change: Change) -> Self {
        let (code, status) = change.code_and_status();
        let mut info = Self::new(signal, code);
        info.fields[0] = u64::from(pid) | u64::from(uid) << 32;
        info.fields[1] = u64::from(status as u32);
        info
    }

    /// All zero: nothing has happened.
    pub const fn nothing() -> Self {
        Self { signo: 0, errno: 0, code: 0, pad: 0, fields: [0; 14] }
    }

    /// The expiry of a POSIX timer.
    pub const fn timer(signal: Signal, id: u32, overrun: u32, value: u64) -> Self {
        let mut info = Self::new(signal, SI_TIMER);
        info.fields[0] = id as u64 | (overrun as u64) << 32;
        info.fields[1] = value;
        info
    }

    /// A file became ready, by the descriptor `fd`; `code` is one of `POLL_IN` and its kin.
    pub fn io(signal: Signal, code: i32, band: IoEvents, fd: i32) -> Self {
        // Where the code means something else for the signal, this one is told.
        const SI_SIGIO: i32 = -5;
        let code = if signal != Signal::SIGIO && signal.has_own_codes() { SI_SIGIO } else { code };
        let mut info = Self::new(signal, code);
        info.fields[0] = u64::from(band.bits());
        info.fields[1] = u64::from(fd as u32);
        info
    }

    const fn new(signal: Signal, code: i32) -> Self {
        Self { signo: signal.number(), errno: 0, code, pad: 0, fields: [0; 14] }
    }

    /// What a program passed, as `signal`.
    #[must_use]
    pub const fn with_signal(mut self, signal: Signal) -> Self {
        self.signo = signal.number();
        self
    }

    /// `si_code`.
    pub const fn code(&self) -> i32 {
        self.code
    }

    /// `si_signo`.
    pub const fn signo(&self) -> i32 {
        self.signo
    }

    /// `si_timerid` of a timer's signal.
    pub const fn timer_id(&self) -> i32 {
        self.fields[0] as i32
    }

    /// `si_value` of a timer's or a queued signal.
    pub const fn value(&self) -> u64 {
        self.fields[1]
    }

    /// The first words of what follows the code, whose meaning depends on it.
    pub(super) const fn words(&self) -> [u64; 4] {
        let [first, second, third, fourth, ..] = self.fields;
        [first, second, third, fourth]
    }

    /// With this `si_overrun`, for a timer's signal.
    #[must_use]
    pub const fn with_overrun(mut self, overrun: i32) -> Self {
        self.fields[0] = self.fields[0] & 0xffff_ffff | (overrun as u64) << 32;
        self
    }
}
