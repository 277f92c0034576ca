//! Whether the host has what the LibOS needs, found by trying it. For `enclos doctor`.

use crate::errno::{Errno, Result};
use crate::layout::{HEAP_BASE, HEAP_SIZE, LIBOS_BASE, LIBOS_END, PAGES_BASE, PAGES_SIZE};
use crate::{host, ocall};
use core::arch::{asm, naked_asm};
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use linux_raw_sys::general::{
    __NR_close, __NR_ftruncate, __NR_getpid, __NR_membarrier, __NR_memfd_create, __NR_mmap, __NR_munmap, __NR_prctl,
    MAP_ANONYMOUS, MAP_FIXED_NOREPLACE, MAP_NORESERVE, MAP_PRIVATE, MAP_SHARED, MFD_CLOEXEC, PROT_READ, PROT_WRITE,
};

const SIGSYS: i32 = 31;
const PR_SET_SYSCALL_USER_DISPATCH: usize = 59;
const PR_SYS_DISPATCH_OFF: usize = 0;
const PR_SYS_DISPATCH_ON: usize = 1;
const ALLOW: u8 = 0;
const BLOCK: u8 = 1;

/// What the host looks at while a system call is dispatched.
static SELECTOR: AtomicU8 = AtomicU8::new(ALLOW);
static HAS_TRAPPED: AtomicBool = AtomicBool::new(false);

/// Makes a system call trap by Syscall User Dispatch. To be called while the process has one thread.
///
/// # Errors
/// `EINVAL` if the host's kernel doesn't have it; `ENOSYS` if it has but nothing traps; what else the host gives.
pub fn syscall_user_dispatch() -> Result<()> {
    ocall::signal::handle(SIGSYS, on_trap as *const () as usize, restorer as *const () as usize)?;
    let outcome = try_dispatch();
    ocall::signal::default(SIGSYS)?;
    outcome
}

fn try_dispatch() -> Result<()> {
    HAS_TRAPPED.store(false, Ordering::SeqCst);
    let selector = SELECTOR.as_ptr() as usize;
    // SAFETY: the handler is in place and switches the trap off again; `getpid` has no effect.
    unsafe {
        host::call(__NR_prctl, [PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, selector, 0])?;
        SELECTOR.store(BLOCK, Ordering::SeqCst);
        host::raw(__NR_getpid, [0; 6]);
        SELECTOR.store(ALLOW, Ordering::SeqCst);
        host::call(__NR_prctl, [PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0, 0])?;
    }
    if HAS_TRAPPED.load(Ordering::SeqCst) { Ok(()) } else { Err(Errno::ENOSYS.into()) }
}

extern "C" fn on_trap(_signal: i32) {
    SELECTOR.store(ALLOW, Ordering::SeqCst);
    HAS_TRAPPED.store(true, Ordering::SeqCst);
}

/// Where the handler returns to: `rt_sigreturn`.
#[unsafe(naked)]
unsafe extern "C" fn restorer() {
    naked_asm!("mov eax, 15", "syscall", "ud2")
}

/// Whether the host has memory barriers that also make other processors see changed code.
///
/// # Errors
/// `ENOSYS` if it has none at all or not this one.
pub fn code_barrier() -> Result<()> {
    const QUERY: usize = 0;
    const PRIVATE_EXPEDITED_SYNC_CORE: usize = 1 << 5;
    // SAFETY: only asks.
    let commands = unsafe { host::call(__NR_membarrier, [QUERY, 0, 0, 0, 0, 0])? };
    if commands & PRIVATE_EXPEDITED_SYNC_CORE == 0 { Err(Errno::ENOSYS.into()) } else { Ok(()) }
}

/// Reserves all addresses of the LibOS, for a moment.
///
/// # Errors
/// `EEXIST` if something lies there; `ENOMEM` at a limit of address space.
pub fn place() -> Result<()> {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    Mapping::new(LIBOS_BASE..LIBOS_END, 0, flags, -1).map(drop)
}

/// Maps the arena as the LibOS does, for a moment.
///
/// # Errors
/// `ENOMEM` if the host doesn't promise so much memory; what else it gives.
pub fn arena() -> Result<()> {
    let prot = PROT_READ | PROT_WRITE;
    let flags = MAP_SHARED | MAP_NORESERVE;
    let _heap = Mapping::new(HEAP_BASE..HEAP_BASE + HEAP_SIZE, prot, flags | MAP_ANONYMOUS, -1)?;
    // SAFETY: the name ends in NUL; no memory is changed.
    let fd = unsafe { host::call(__NR_memfd_create, [c"enclos".as_ptr() as usize, MFD_CLOEXEC as usize, 0, 0, 0, 0])? };
    // SAFETY: the descriptor is our own.
    let outcome = unsafe { host::call(__NR_ftruncate, [fd, PAGES_SIZE, 0, 0, 0, 0]) }
        .and_then(|_| Mapping::new(PAGES_BASE..PAGES_BASE + PAGES_SIZE, prot, flags, fd as i32).map(drop));
    // SAFETY: as above; not used from here on.
    unsafe { host::raw(__NR_close, [fd, 0, 0, 0, 0, 0]) };
    outcome
}

/// Whether programs may set `%fs` and `%gs` themselves, found by doing so; the caller has seen `HWCAP2_FSGSBASE`.
pub fn segment_bases() -> bool {
    let base: usize;
    // SAFETY: `%gs` isn't used by code for Linux's user mode; it gets its value back.
    unsafe {
        asm!(
            "rdgsbase {old}",
            "wrgsbase {new}",
            "rdgsbase {got}",
            "wrgsbase {old}",
            old = out(reg) _,
            new = in(reg) LIBOS_BASE,
            got = out(reg) base,
            options(nomem, nostack, preserves_flags),
        );
    }
    base == LIBOS_BASE
}

/// Memory of the LibOS's addresses, unmapped when dropped.
struct Mapping(Range<usize>);

impl Mapping {
    fn new(range: Range<usize>, prot: u32, flags: u32, fd: i32) -> Result<Self> {
        let flags = flags | MAP_FIXED_NOREPLACE;
        // SAFETY: replaces nothing.
        let start = unsafe {
            host::call(__NR_mmap, [range.start, range.len(), prot as usize, flags as usize, fd as usize, 0])?
        };
        let mapping = Self(start..start + range.len());
        // A kernel that doesn't know the flag takes the address for a hint.
        if start == range.start { Ok(mapping) } else { Err(Errno::EEXIST.into()) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`, and no reference to it was made.
        unsafe { host::raw(__NR_munmap, [self.0.start, self.0.len(), 0, 0, 0, 0]) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_leave_no_trace() {
        for _ in 0..2 {
            place().unwrap();
            arena().unwrap();
        }
    }
}
