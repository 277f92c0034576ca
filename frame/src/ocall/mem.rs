//! OCalls about memory. What the kernel asks for is always checked to be a program's, never the LibOS's.

use crate::arena::Pages;
use crate::errno::{Errno, Error, Result};
use crate::host;
use crate::layout::{self, HEAP_BASE, HEAP_SIZE, HUGE_PAGE, PAGE_SIZE, PAGES_BASE, PAGES_SIZE};
use crate::ocall::file::HostFd;
use bitflags::bitflags;
use core::ops::Range;
use core::sync::atomic::{AtomicI32, Ordering};
use linux_raw_sys::general::{
    __NR_ftruncate, __NR_madvise, __NR_membarrier, __NR_memfd_create, __NR_mincore, __NR_mlock2, __NR_mmap,
    __NR_mprotect, __NR_mremap, __NR_msync, __NR_munlock, __NR_munmap, MADV_DONTDUMP, MAP_ANONYMOUS, MAP_FIXED,
    MAP_NORESERVE, MAP_PRIVATE, MAP_SHARED, MFD_CLOEXEC, MREMAP_FIXED, MREMAP_MAYMOVE,
};

bitflags! {
    /// What may be done with memory (`PROT_*` of `man 2 mmap`).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Prot: u32 {
        /// It may be read.
        const READ = 1;
        /// It may be written.
        const WRITE = 2;
        /// It may be executed.
        const EXEC = 4;
    }
}

/// Whether a mapping's changes are seen by others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Copied when written.
    Private,
    /// Seen by all who map the same.
    Shared,
}

impl Sharing {
    const fn flag(self) -> u32 {
        match self {
            Self::Private => MAP_PRIVATE,
            Self::Shared => MAP_SHARED,
        }
    }
}

/// What is mapped.
#[derive(Clone, Copy, Debug)]
pub enum Backing<'a> {
    /// Zeroes.
    Anonymous,
    /// A file of the host from an offset on, in bytes.
    Host(&'a HostFd, u64),
    /// Pages of the arena from an offset within the run on, in bytes.
    Pages(&'a Pages, usize),
}

/// The pool's descriptor.
static POOL_FD: AtomicI32 = AtomicI32::new(-1);

/// Maps memory of a program at exactly `range`, in place of what was there.
///
/// # Errors
/// `EINVAL` if the range isn't the program's or not page-aligned; what the host's `mmap` gives.
pub fn map(range: &Range<usize>, prot: Prot, sharing: Sharing, backing: Backing<'_>) -> Result<()> {
    check(range)?;
    let mut flags = sharing.flag() | MAP_FIXED;
    let (fd, offset) = match backing {
        Backing::Anonymous => {
            flags |= MAP_ANONYMOUS | MAP_NORESERVE;
            (-1, 0)
        }
        Backing::Host(fd, offset) => (fd.raw(), offset as usize),
        Backing::Pages(pages, offset) => {
            if offset.checked_add(range.len()).is_none_or(|end| end > pages.len()) {
                return Err(Error::new(Errno::EINVAL, "the mapping exceeds its pages"));
            }
            (POOL_FD.load(Ordering::Relaxed), pages.offset() + offset)
        }
    };
    // SAFETY: the range is checked to be outside the LibOS.
    unsafe { map_raw(range.start, range.len(), prot.bits(), flags, fd, offset) }
}

/// Makes `range` unmapped.
///
/// # Errors
/// `EINVAL` if the range isn't the program's; `ENOMEM` if the host would need too many mappings.
pub fn unmap(range: &Range<usize>) -> Result<()> {
    check(range)?;
    // SAFETY: the range is checked to be outside the LibOS.
    unsafe { host::call_at_rest(__NR_munmap, [range.start, range.len(), 0, 0, 0, 0])? };
    Ok(())
}

/// Changes what may be done with `range`, all of which is mapped.
///
/// # Errors
/// `EINVAL` if the range isn't the program's; `EACCES`, `ENOMEM` as `mprotect` gives them.
pub fn protect(range: &Range<usize>, prot: Prot) -> Result<()> {
    check(range)?;
    // SAFETY: the range is checked to be outside the LibOS.
    unsafe { host::call_at_rest(__NR_mprotect, [range.start, range.len(), prot.bits() as usize, 0, 0, 0])? };
    Ok(())
}

/// Moves or resizes a mapping to exactly `new`, in place of what is there.
///
/// # Errors
/// `EINVAL` if a range isn't the program's; what the host's `mremap` gives.
pub fn remap(old: &Range<usize>, new: &Range<usize>) -> Result<()> {
    check(old)?;
    check(new)?;
    let flags = if old.start == new.start { 0 } else { MREMAP_MAYMOVE | MREMAP_FIXED };
    // SAFETY: both ranges are checked to be outside the LibOS.
    unsafe { host::call_at_rest(__NR_mremap, [old.start, old.len(), new.len(), flags as usize, new.start, 0])? };
    Ok(())
}

/// Passes advice about `range` on to the host (`man 2 madvise`).
///
/// # Errors
/// `EINVAL` if the range isn't the program's; what the host gives.
pub fn advise(range: &Range<usize>, advice: u32) -> Result<()> {
    check(range)?;
    // SAFETY: the range is checked to be outside the LibOS.
    unsafe { host::call_at_rest(__NR_madvise, [range.start, range.len(), advice as usize, 0, 0, 0])? };
    Ok(())
}

/// Has the host keep `range` apart from the mappings beside it, so that changing its protection neither splits nor joins
/// mappings, which is most of what that costs.
///
/// # Errors
/// As for [`advise`].
pub fn set_apart(range: &Range<usize>) -> Result<()> {
    // The host joins mappings of like attributes. This one concerns core dumps only, and the host makes none.
    advise(range, MADV_DONTDUMP)
}

/// Which pages of `range` are resident, a byte each.
///
/// # Errors
/// `ENOMEM` if something isn't mapped.
pub fn resident(range: &Range<usize>) -> Result<alloc::vec::Vec<u8>> {
    check(range)?;
    let mut pages = alloc::vec![0; range.len().div_ceil(PAGE_SIZE)];
    // SAFETY: the host writes a byte per page.
    unsafe { host::call_at_rest(__NR_mincore, [range.start, range.len(), pages.as_mut_ptr() as usize, 0, 0, 0])? };
    Ok(pages)
}

/// Writes changed pages of shared mappings back to their files.
///
/// # Errors
/// What the host's `msync` gives.
pub fn sync(range: &Range<usize>, flags: u32) -> Result<()> {
    check(range)?;
    // SAFETY: the range is checked to be outside the LibOS.
    unsafe { host::call_blocking(__NR_msync, [range.start, range.len(), flags as usize, 0, 0, 0])? };
    Ok(())
}

/// Keeps `range` resident; with `on_fault`, only what is touched.
///
/// # Errors
/// `ENOMEM`, `EPERM`, `EAGAIN` at the host's limits.
pub fn lock(range: &Range<usize>, flags: u32) -> Result<()> {
    check(range)?;
    // SAFETY: no effect on contents.
    unsafe { host::call_at_rest(__NR_mlock2, [range.start, range.len(), flags as usize, 0, 0, 0])? };
    Ok(())
}

/// Undoes [`lock`].
///
/// # Errors
/// `ENOMEM` if something isn't mapped.
pub fn unlock(range: &Range<usize>) -> Result<()> {
    check(range)?;
    // SAFETY: no effect on contents.
    unsafe { host::call_at_rest(__NR_munlock, [range.start, range.len(), 0, 0, 0, 0])? };
    Ok(())
}

/// How far a [`barrier`] reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Barrier {
    /// Memory accesses.
    Memory = 1 << 3,
    /// Also instructions that were changed.
    Code = 1 << 5,
}

/// A barrier on all threads of the host process.
///
/// # Errors
/// `EINVAL` if the host has no such barrier, `EPERM` before [`register_barriers`].
pub fn barrier(barrier: Barrier) -> Result<()> {
    // SAFETY: no effect on contents.
    unsafe { host::call_at_rest(__NR_membarrier, [barrier as usize, 0, 0, 0, 0, 0])? };
    Ok(())
}

/// Allows [`barrier`]s; cheap while there's only one thread.
pub(crate) fn register_barriers() -> Result<()> {
    for barrier in [Barrier::Memory, Barrier::Code] {
        // SAFETY: no effect on contents. The command to register is twice the other.
        unsafe { host::call_at_rest(__NR_membarrier, [(barrier as usize) << 1, 0, 0, 0, 0, 0])? };
    }
    Ok(())
}

/// Makes a page of a LibOS stack inaccessible.
pub(crate) fn guard(addr: usize, len: usize) -> Result<()> {
    // SAFETY: the caller owns the pages and doesn't use them.
    unsafe { host::call_at_rest(__NR_mprotect, [addr, len, 0, 0, 0, 0])? };
    Ok(())
}

/// Gives pages of the arena back to the host; they read as zeroes then.
pub(crate) fn remove(addr: usize, len: usize) -> Result<()> {
    const MADV_REMOVE: usize = 9;
    if addr < PAGES_BASE || addr + len > PAGES_BASE + PAGES_SIZE {
        return Err(Errno::EINVAL.into());
    }
    // SAFETY: freed pages of the pool, which nobody uses.
    unsafe { host::call(__NR_madvise, [addr, len, MADV_REMOVE, 0, 0, 0])? };
    Ok(())
}

/// Maps the arena: the heap and the page pool.
///
/// # Safety
/// Called once, before anything uses the arena.
pub(crate) unsafe fn map_arena() -> Result<()> {
    let (rw, shared) = (Prot::READ | Prot::WRITE, MAP_SHARED | MAP_NORESERVE | MAP_FIXED);
    // SAFETY: the places are the LibOS's own and free.
    unsafe {
        map_raw(HEAP_BASE, HEAP_SIZE, rw.bits(), shared | MAP_ANONYMOUS, -1, 0)?;
        let fd = host::raw(__NR_memfd_create, [c"enclos".as_ptr() as usize, MFD_CLOEXEC as usize, 0, 0, 0, 0]);
        if fd < 0 {
            return Err(Errno::from_raw(-fd as i32).unwrap_or(Errno::EIO).into());
        }
        let truncated = host::raw(__NR_ftruncate, [fd as usize, PAGES_SIZE, 0, 0, 0, 0]);
        if truncated < 0 {
            return Err(Errno::from_raw(-truncated as i32).unwrap_or(Errno::EIO).into());
        }
        let fd = super::file::move_high(fd as i32);
        POOL_FD.store(fd, Ordering::Relaxed);
        map_raw(PAGES_BASE, PAGES_SIZE, rw.bits(), shared, fd, 0)
    }
}

/// Has the host provide pages of the LibOS that are about to be used, all at once.
pub(crate) fn populate(addr: usize, len: usize) {
    const MADV_POPULATE_WRITE: usize = 23;
    // A host before Linux 5.14 doesn't know it; then they come one by one.
    let _ = arrange(addr, len, MADV_POPULATE_WRITE);
}

const MADV_COLLAPSE: usize = 25;

/// Has the host move what is in the place of a huge page, in memory that all host processes share, into such a page.
///
/// # Errors
/// `ENOMEM` and what else the host gives when it has no huge page; `EINVAL` if it doesn't know how (before Linux 6.1).
pub(crate) fn collapse(start: usize) -> Result<()> {
    arrange(start, HUGE_PAGE, MADV_COLLAPSE)
}

/// Has the host leave out memory that only the first host process needs when it starts further ones.
pub(crate) fn leave_out_of_copies(range: &Range<usize>) {
    const MADV_DONTFORK: usize = 10;
    // It would only be copied for nothing.
    let _ = arrange(range.start, range.len(), MADV_DONTFORK);
}

/// Has the host do something about pages of the LibOS that has no effect on their contents.
fn arrange(addr: usize, len: usize, advice: usize) -> Result<()> {
    // SAFETY: no effect on contents, see above.
    unsafe { host::call_at_rest(__NR_madvise, [addr, len, advice, 0, 0, 0]).map(drop) }
}

/// Replaces private memory of the image by shared memory with the same contents; the place of a huge page by one that may
/// become such.
///
/// # Safety
/// Nobody else uses the memory meanwhile, and the calling code doesn't lie in it. What is behind it in the last huge page's
/// place is unused.
pub(crate) unsafe fn make_shared(start: usize, len: usize, scratch: usize) -> Result<()> {
    let rw = Prot::READ | Prot::WRITE;
    let room = len.next_multiple_of(HUGE_PAGE);
    // SAFETY: the scratch place is the LibOS's own and free; its contents are moved over the old memory.
    unsafe {
        map_raw(scratch, room, rw.bits(), MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0)?;
        core::ptr::copy_nonoverlapping(start as *const u8, scratch as *mut u8, len);
        host_raw_checked(__NR_mremap, [scratch, room, room, (MREMAP_MAYMOVE | MREMAP_FIXED) as usize, start, 0])
    }
}

/// Replaces a part of the image, of the size of some huge pages, by such pages with the same contents, which all host
/// processes share: so none is copied.
///
/// # Errors
/// `ENOMEM` and what else the host gives when it has no huge page; all is as before then.
///
/// # Safety
/// The part lies in the places of huge pages, is never written, and may be executed. From `scratch` on, there's room for as
/// much.
pub(crate) unsafe fn make_huge(part: &Range<usize>, scratch: usize) -> Result<()> {
    let (read, write, execute) = (Prot::READ.bits(), Prot::WRITE.bits(), Prot::EXEC.bits());
    // SAFETY: the caller's. Other threads may run the old code meanwhile and find the new one, which is the same, at the
    // same place.
    unsafe {
        map_raw(scratch, part.len(), read | write, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0)?;
        core::ptr::copy_nonoverlapping(part.start as *const u8, scratch as *mut u8, part.len());
        let moved = arrange(scratch, part.len(), MADV_COLLAPSE).and_then(|()| {
            host::call_at_rest(__NR_mprotect, [scratch, part.len(), (read | execute) as usize, 0, 0, 0])?;
            let flags = (MREMAP_MAYMOVE | MREMAP_FIXED) as usize;
            host::call_at_rest(__NR_mremap, [scratch, part.len(), part.len(), flags, part.start, 0])
        });
        if moved.is_err() {
            unmap_leftover(scratch, part.len());
        }
        moved.map(drop)
    }
}

/// Moves pages of the host (the vDSO) to another place.
///
/// # Safety
/// Nobody uses the old place; the new one is free.
pub(crate) unsafe fn move_host_pages(start: usize, len: usize, to: usize) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe { host_raw_checked(__NR_mremap, [start, len, len, (MREMAP_MAYMOVE | MREMAP_FIXED) as usize, to, 0]) }
}

/// Unmaps what the launcher left.
///
/// # Safety
/// Nobody uses the memory any more.
pub(crate) unsafe fn unmap_leftover(start: usize, len: usize) {
    // SAFETY: passed on to the caller.
    unsafe { host::raw(__NR_munmap, [start, len, 0, 0, 0, 0]) };
}

unsafe fn map_raw(addr: usize, len: usize, prot: u32, flags: u32, fd: i32, offset: usize) -> Result<()> {
    // SAFETY: passed on to the caller.
    let got =
        unsafe { host::call_at_rest(__NR_mmap, [addr, len, prot as usize, flags as usize, fd as usize, offset])? };
    if got == addr { Ok(()) } else { Err(Error::new(Errno::EIO, "the host mapped memory elsewhere")) }
}

unsafe fn host_raw_checked(nr: u32, args: [usize; 6]) -> Result<()> {
    // SAFETY: passed on to the caller.
    let result = unsafe { host::raw(nr, args) };
    if result < 0 && result > -4096 {
        return Err(Errno::from_raw(-result as i32).unwrap_or(Errno::EIO).into());
    }
    Ok(())
}

fn check(range: &Range<usize>) -> Result<()> {
    if layout::is_mappable(range) && range.start.is_multiple_of(PAGE_SIZE) && range.end.is_multiple_of(PAGE_SIZE) {
        Ok(())
    } else {
        Err(Error::new(Errno::EINVAL, "a mapping outside the program's memory"))
    }
}
