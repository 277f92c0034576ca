//! `mlock` and its kin.

use super::args::LockAllFlags;
use crate::mm::LockMode;
use crate::prelude::*;
use crate::process::{RLIM_INFINITY, Resource, Thread};
use crate::syscalls::Context;
use crate::syscalls::args::{Addr, Flags};
use core::ops::Range;
use frame::layout::{page_ceil, page_floor};
use linux_raw_sys::general::MLOCK_ONFAULT;

const CAP_IPC_LOCK: u32 = 14;

/// How much memory a thread's process may lock, in bytes.
pub(super) fn limit(thread: &Thread) -> u64 {
    if thread.credentials().has_cap(CAP_IPC_LOCK) {
        RLIM_INFINITY
    } else {
        thread.process.limits.lock().soft(Resource::LockedMemory)
    }
}

/// The same, where nothing may be locked at all.
///
/// # Errors
/// `EPERM` for a limit of 0.
fn checked_limit(thread: &Thread) -> Result<u64> {
    match limit(thread) {
        0 => Err(err!(EPERM, "the process may not lock memory")),
        limit => Ok(limit),
    }
}

/// The pages that a range touches; `None` for no length.
fn pages(addr: Addr, len: usize) -> Result<Option<Range<usize>>> {
    let end = addr.0.checked_add(len).and_then(page_ceil).ok_or(err!(EINVAL, "the length overflows"))?;
    let start = page_floor(addr.0);
    Ok((len > 0).then_some(start..end))
}

fn lock(cx: &Context<'_>, addr: Addr, len: usize, mode: LockMode) -> Result<usize> {
    let limit = checked_limit(cx.thread)?;
    if let Some(range) = pages(addr, len)? {
        cx.thread.process.memory().lock(&range, mode, limit)?;
    }
    Ok(0)
}

/// `mlock(2)`.
pub fn mlock(cx: Context<'_>, addr: Addr, len: usize) -> Result<usize> {
    lock(&cx, addr, len, LockMode::Now)
}

/// `mlock2(2)`.
pub fn mlock2(cx: Context<'_>, addr: Addr, len: usize, flags: Flags) -> Result<usize> {
    match flags.0 {
        0 => lock(&cx, addr, len, LockMode::Now),
        MLOCK_ONFAULT => lock(&cx, addr, len, LockMode::OnFault),
        _ => Err(err!(EINVAL, "undefined flags")),
    }
}

/// `munlock(2)`.
pub fn munlock(cx: Context<'_>, addr: Addr, len: usize) -> Result<usize> {
    if let Some(range) = pages(addr, len)? {
        cx.thread.process.memory().unlock(&range)?;
    }
    Ok(0)
}

/// `mlockall(2)`.
pub fn mlockall(cx: Context<'_>, flags: LockAllFlags) -> Result<usize> {
    let mode = if flags.contains(LockAllFlags::MCL_ONFAULT) { LockMode::OnFault } else { LockMode::Now };
    if !flags.intersects(LockAllFlags::MCL_CURRENT | LockAllFlags::MCL_FUTURE) {
        bail!(EINVAL, "neither present nor future mappings");
    }
    let limit = checked_limit(cx.thread)?;
    let when = |flag| flags.contains(flag).then_some(mode);
    cx.thread.process.memory().lock_all(when(LockAllFlags::MCL_CURRENT), when(LockAllFlags::MCL_FUTURE), limit)?;
    Ok(0)
}

/// `munlockall(2)`.
pub fn munlockall(cx: Context<'_>) -> Result<usize> {
    cx.thread.process.memory().unlock_all()?;
    Ok(0)
}
