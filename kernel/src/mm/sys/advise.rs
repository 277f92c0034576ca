//! `madvise`, `mincore`, `msync`.

use super::args::SyncFlags;
use crate::mm::Advice;
use crate::mm::advise::pages;
use crate::prelude::*;
use crate::process::{AccessMode, PidFd, cap, may_access};
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

/// `process_madvise(2)`: gives how many bytes the advice was taken for.
pub fn process_madvise(
    cx: Context<'_>,
    pidfd: FileDesc,
    vector: UserPtr<[u64; 2]>,
    count: usize,
    advice: Flags,
    flags: Flags,
) -> Result<usize> {
    if flags.0 != 0 {
        bail!(EINVAL, "undefined flags");
    }
    let pieces = super::access::pieces(vector, count)?;
    let file = cx.thread.file(pidfd)?;
    let process = file.downcast_ref::<PidFd>().ok_or(err!(EBADF, "no descriptor of a process"))?.process();
    let target = process.any_thread().ok_or(err!(ESRCH, "the process has ended"))?;
    if Advice::from_raw(advice.0).is_none() {
        bail!(EINVAL, "unknown advice");
    }
    let own = cx.thread.process.memory();
    if !Arc::ptr_eq(process, &cx.thread.process) {
        may_access(cx.thread, &target, AccessMode::FileSystem)?;
        if !Advice::is_for_others(advice.0) {
            bail!(EINVAL, "advice that changes what another process sees");
        }
        if !cx.thread.credentials().has_cap(cap::SYS_NICE) {
            bail!(EPERM, "only CAP_SYS_NICE advises others");
        }
        if !process.memory().is_in_space_of(&own) {
            warn!("memory in another address space can't be reached");
            bail!(EPERM, "memory in another address space can't be reached");
        }
    }
    let memory = process.memory();
    let mut done = 0;
    for (addr, len) in pieces {
        let advised = pages(addr, len).and_then(|range| range.map_or(Ok(()), |range| memory.advise(&range, advice.0)));
        match advised {
            Ok(()) => done += len,
            Err(_) if done > 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok(done)
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
