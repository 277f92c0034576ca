//! `eventfd(2)`.

use crate::events::{EventFd, Taking};
use crate::flags_arg;
use crate::fs::{FdFlags, StatusFlags};
use crate::prelude::*;
use crate::syscalls::Context;
use bitflags::bitflags;

bitflags! {
    /// Flags of `eventfd2`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct EventFdFlags: u32 {
        /// `EFD_SEMAPHORE`.
        const EFD_SEMAPHORE = 1;
        /// `EFD_NONBLOCK`.
        const EFD_NONBLOCK = 0o4000;
        /// `EFD_CLOEXEC`.
        const EFD_CLOEXEC = 0o2_000_000;
    }
}
flags_arg!(EventFdFlags);

/// `eventfd(2)` of old.
pub fn eventfd(cx: Context<'_>, count: u32) -> Result<usize> {
    eventfd2(cx, count, EventFdFlags::empty())
}

/// `eventfd2(2)`.
pub fn eventfd2(cx: Context<'_>, count: u32, flags: EventFdFlags) -> Result<usize> {
    let taking = if flags.contains(EventFdFlags::EFD_SEMAPHORE) { Taking::One } else { Taking::All };
    let status = StatusFlags::from_bits_truncate(flags.bits()) & StatusFlags::O_NONBLOCK;
    let fd_flags = if flags.contains(EventFdFlags::EFD_CLOEXEC) { FdFlags::CLOEXEC } else { FdFlags::empty() };
    super::install(cx.thread, Arc::new(EventFd::new(count, taking, status)), fd_flags)
}
