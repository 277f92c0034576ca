//! `mmap`, `munmap`, `mprotect`, `mremap`, `brk`.

use super::args::{MapFlags, ProtFlags, RemapFlags};
use crate::mm::vma::Kind;
use crate::mm::{LockMode, MapRequest, MapSource, Move, Place, RemapRequest};
use crate::prelude::*;
use crate::process::Resource;
use crate::syscalls::Context;
use crate::syscalls::args::{Addr, FileDesc};
use frame::layout::{PAGE_SIZE, page_ceil};
use frame::ocall::mem::{Prot, Sharing};
use linux_raw_sys::general as linux;

/// `mmap(2)`.
pub fn mmap(
    cx: Context<'_>,
    addr: Addr,
    len: usize,
    prot: ProtFlags,
    flags: MapFlags,
    fd: FileDesc,
    offset: u64,
) -> Result<usize> {
    if !offset.is_multiple_of(PAGE_SIZE as u64) {
        bail!(EINVAL, "the offset is not aligned to a page");
    }
    let file = if flags.contains(MapFlags::MAP_ANONYMOUS) { None } else { Some(cx.thread.file(fd)?) };
    if len == 0 {
        bail!(EINVAL, "a mapping without length");
    }
    let len = page_ceil(len).ok_or(err!(ENOMEM, "the length overflows"))?;
    if offset.checked_add(len as u64).is_none_or(|end| end > i64::MAX as u64) {
        bail!(EOVERFLOW, "the offset overflows");
    }
    let sharing = sharing(flags, file.is_some())?;
    if flags.contains(MapFlags::MAP_HUGETLB) {
        bail!(ENOMEM, "there are no huge pages");
    }
    let grows_down = flags.contains(MapFlags::MAP_GROWSDOWN);
    if grows_down && (sharing == Sharing::Shared || file.is_some()) {
        bail!(EINVAL, "only private anonymous memory grows down");
    }
    let prot = prot.prot();
    let source: Option<(Arc<dyn MapSource>, u64)> = match file {
        Some(file) => Some((file.map_source(prot, sharing)?, offset)),
        None => None,
    };
    let (process, lock_limit) = (&cx.thread.process, super::lock::limit(cx.thread));
    let memory = process.memory();
    let locks = flags.contains(MapFlags::MAP_LOCKED);
    if locks && (memory.totals().locked + len) as u64 > lock_limit {
        return Err(if lock_limit == 0 { err!(EPERM) } else { err!(EAGAIN, "the limit of locked memory is reached") });
    }
    let is_data = sharing == Sharing::Private && prot.contains(Prot::WRITE);
    let (space_limit, data_limit) = limits(cx.thread);
    if is_data && data_limit != u64::MAX && (memory.totals().data + len) as u64 > data_limit {
        bail!(ENOMEM, "the limit of data is reached");
    }
    let start = memory.map(MapRequest {
        place: place(addr, flags),
        len,
        prot,
        sharing,
        source,
        kind: if grows_down { Kind::GrowsDown } else { Kind::Plain },
        is_reserved: !flags.contains(MapFlags::MAP_NORESERVE),
        space_limit,
    })?;
    let range = start..start + len;
    if locks {
        // As on Linux, memory that can't be locked is had all the same.
        let _ = memory.lock(&range, LockMode::Now, lock_limit);
    } else if flags.contains(MapFlags::MAP_POPULATE) && !flags.contains(MapFlags::MAP_NONBLOCK) {
        let advice = if is_data { linux::MADV_POPULATE_WRITE } else { linux::MADV_POPULATE_READ };
        // A page that can't be had is seen when it's touched.
        let _ = memory.advise(&range, advice);
    }
    Ok(start)
}

fn sharing(flags: MapFlags, has_file: bool) -> Result<Sharing> {
    match flags.bits() & linux::MAP_TYPE {
        linux::MAP_SHARED => Ok(Sharing::Shared),
        linux::MAP_PRIVATE => Ok(Sharing::Private),
        linux::MAP_SHARED_VALIDATE if has_file => {
            let known = MapFlags::all() - MapFlags::MAP_SYNC;
            if flags.bits() & !linux::MAP_TYPE & !known.bits() != 0 {
                bail!(EOPNOTSUPP, "a flag that this kind of file doesn't know");
            }
            Ok(Sharing::Shared)
        }
        _ => Err(err!(EINVAL, "the mapping is neither shared nor private")),
    }
}

fn place(addr: Addr, flags: MapFlags) -> Place {
    if flags.contains(MapFlags::MAP_FIXED_NOREPLACE) {
        Place::FixedNoReplace(addr.0)
    } else if flags.contains(MapFlags::MAP_FIXED) {
        Place::Fixed(addr.0)
    } else if flags.contains(MapFlags::MAP_32BIT) {
        Place::Low
    } else if addr.0 != 0 {
        Place::Hint(addr.0)
    } else {
        Place::Anywhere
    }
}

/// `RLIMIT_AS` and `RLIMIT_DATA`.
fn limits(thread: &crate::process::Thread) -> (u64, u64) {
    let limits = thread.process.limits.lock();
    (limits.soft(Resource::AddressSpace), limits.soft(Resource::Data))
}

/// `munmap(2)`.
pub fn munmap(cx: Context<'_>, addr: Addr, len: usize) -> Result<usize> {
    let end = addr.0.checked_add(len).ok_or(err!(EINVAL, "the length overflows"))?;
    cx.thread.process.memory().unmap(addr.0..end)?;
    Ok(0)
}

/// `mprotect(2)`.
pub fn mprotect(cx: Context<'_>, addr: Addr, len: usize, prot: ProtFlags) -> Result<usize> {
    let known = ProtFlags::all() - ProtFlags::PROT_GROWSUP;
    if !known.contains(prot) {
        // No mapping grows up on x86.
        bail!(EINVAL, "undefined protection");
    }
    if !addr.0.is_multiple_of(PAGE_SIZE) {
        bail!(EINVAL, "the address is not aligned to a page");
    }
    let end = page_ceil(len).and_then(|len| addr.0.checked_add(len)).ok_or(err!(ENOMEM, "the length overflows"))?;
    let memory = cx.thread.process.memory();
    let mut start = addr.0;
    if prot.contains(ProtFlags::PROT_GROWSDOWN) && start < end {
        start = memory.grows_down_from(start).ok_or(err!(EINVAL, "the mapping doesn't grow down"))?;
    }
    memory.protect(start..end, prot.prot())?;
    Ok(0)
}

/// `mremap(2)`.
pub fn mremap(
    cx: Context<'_>,
    addr: Addr,
    old_len: usize,
    new_len: usize,
    flags: RemapFlags,
    new_addr: Addr,
) -> Result<usize> {
    let may_move = flags.contains(RemapFlags::MREMAP_MAYMOVE);
    let keeps_old = flags.contains(RemapFlags::MREMAP_DONTUNMAP);
    let is_fixed = flags.contains(RemapFlags::MREMAP_FIXED);
    if (is_fixed || keeps_old) && !may_move {
        bail!(EINVAL, "to a fixed place, or leaving the old one mapped, means to move");
    }
    if new_len > frame::layout::TASK_SIZE {
        bail!(EINVAL, "longer than the address space");
    }
    if keeps_old && old_len != new_len {
        bail!(EINVAL, "leaving the old place mapped, the length must stay");
    }
    cx.thread.process.memory().remap(&RemapRequest {
        addr: addr.0,
        old_len,
        new_len,
        to: match (is_fixed, may_move) {
            (true, _) => Move::To(new_addr.0),
            (false, true) => Move::Allowed,
            (false, false) => Move::Never,
        },
        keeps_old,
        space_limit: limits(cx.thread).0,
    })
}

/// `brk(2)`; as Linux's system call, it gives where the break is, moved or not.
pub fn brk(cx: Context<'_>, addr: Addr) -> Result<usize> {
    let (space_limit, data_limit) = limits(cx.thread);
    Ok(cx.thread.process.memory().brk(addr.0, data_limit, space_limit))
}
