//! `madvise`, `mincore`, `msync`.

use super::args::SyncFlags;
use crate::mm::Advice;
use crate::mm::advise::pages;
use crate::prelude::*;
use crate::syscalls::Context;
use crate::syscalls::args::{Addr, FileDesc, Flags};
use frame::layout::PAGE_SIZE;

/// `madvise(2)`.
pub fn madvise(cx: Context<'_>, addr: Addr, len: usize, advice: Flags) -> Result<usize> {
    if Advice::from_raw(advice.0).is_none() {
        bail!(EINVAL, "unknown advice");
    }
    if let Some(range) = pages(addr.0, len)? {
        cx.thread.process.memory().advise(&range, advice.0)?;
    }
    Ok(0)
}

/// `process_madvise(2)`: needs a descriptor of a process, which there isn't yet.
pub fn process_madvise(
    cx: Context<'_>,
    pidfd: FileDesc,
    _pieces: UserPtr<[u64; 2]>,
    _count: usize,
    _advice: Flags,
    flags: Flags,
) -> Result<usize> {
    if flags.0 != 0 {
        bail!(EINVAL, "undefined flags");
    }
    cx.thread.files().get(pidfd)?;
    Err(err!(EBADF, "the descriptor is not one of a process"))
}

/// `mincore(2)`.
pub fn mincore(cx: Context<'_>, addr: Addr, len: usize, vector: UserPtr<u8>) -> Result<usize> {
    /// Bytes looked at in one go.
    const STEP: usize = 1 << 30;
    if !addr.0.is_multiple_of(PAGE_SIZE) {
        bail!(EINVAL, "the address is not aligned to a page");
    }
    let Some(range) = pages(addr.0, len).map_err(|_| err!(ENOMEM, "the range can't be mapped"))? else {
        return Ok(0);
    };
    let memory = cx.thread.process.memory();
    let mut vector = vector.slice(range.len() / PAGE_SIZE)?;
    for start in range.clone().step_by(STEP) {
        let resident = memory.resident(&(start..range.end.min(start + STEP)))?;
        vector.write(&resident)?;
        vector = vector.skip(resident.len());
    }
    Ok(0)
}

/// `msync(2)`.
pub fn msync(cx: Context<'_>, addr: Addr, len: usize, flags: SyncFlags) -> Result<usize> {
    if flags.contains(SyncFlags::MS_SYNC | SyncFlags::MS_ASYNC) {
        bail!(EINVAL, "now and soon exclude each other");
    }
    if !addr.0.is_multiple_of(PAGE_SIZE) {
        bail!(EINVAL, "the address is not aligned to a page");
    }
    if let Some(range) = pages(addr.0, len).map_err(|_| err!(ENOMEM, "the range can't be mapped"))? {
        cx.thread.process.memory().sync(&range, flags.bits())?;
    }
    Ok(0)
}
