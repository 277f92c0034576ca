//! OCalls about the host's signals.

use crate::errno::Result;
use crate::host;
use linux_raw_sys::general::{__NR_prctl, __NR_rt_sigaction, __NR_rt_sigprocmask, __NR_sigaltstack};

const SA_SIGINFO: u64 = 4;
const SA_RESTORER: u64 = 0x0400_0000;
const SA_ONSTACK: u64 = 0x0800_0000;
const SA_RESTART: u64 = 0x1000_0000;
const SA_NODEFER: u64 = 0x4000_0000;

#[cfg(feature = "launch")]
const SIG_DFL: usize = 0;
const SIG_IGN: usize = 1;

const PR_SET_SYSCALL_USER_DISPATCH: usize = 59;
const PR_SYS_DISPATCH_ON: usize = 1;

/// The host's `struct sigaction`.
#[repr(C)]
struct SigAction {
    handler: usize,
    flags: u64,
    restorer: usize,
    mask: u64,
}

pub(crate) fn ignore(signal: i32) -> Result<()> {
    set(signal, &SigAction { handler: SIG_IGN, flags: 0, restorer: 0, mask: 0 })
}

/// For the launcher, which tries what the host can do.
#[cfg(feature = "launch")]
pub(crate) fn default(signal: i32) -> Result<()> {
    set(signal, &SigAction { handler: SIG_DFL, flags: 0, restorer: 0, mask: 0 })
}

pub(crate) fn handle(signal: i32, handler: usize, restorer: usize) -> Result<()> {
    let flags = SA_SIGINFO | SA_RESTORER | SA_ONSTACK | SA_RESTART | SA_NODEFER;
    set(signal, &SigAction { handler, flags, restorer, mask: 0 })
}

fn set(signal: i32, action: &SigAction) -> Result<()> {
    // SAFETY: the host reads the action only; our handlers keep the contract of a signal handler.
    unsafe {
        host::call(__NR_rt_sigaction, [signal as usize, core::ptr::from_ref(action) as usize, 0, 8, 0, 0])?;
    }
    Ok(())
}

/// Unblocks every signal of the calling thread; new threads inherit that.
pub(crate) fn unblock_all() -> Result<()> {
    set_mask(0)
}

/// Blocks every signal of the calling thread.
pub(crate) fn block_all() {
    // It can't fail: the arguments are right.
    let _ = set_mask(u64::MAX);
}

/// Does `work` while all signals of the calling thread are blocked.
pub(crate) fn with_all_blocked<R>(work: impl FnOnce() -> R) -> R {
    block_all();
    let result = work();
    // As above.
    let _ = unblock_all();
    result
}

fn set_mask(mask: u64) -> Result<()> {
    // SAFETY: the host reads eight bytes. 2 is SIG_SETMASK.
    unsafe { host::call(__NR_rt_sigprocmask, [2, &raw const mask as usize, 0, 8, 0, 0])? };
    Ok(())
}

/// Makes `[base, base + len)` the calling thread's alternate signal stack.
pub(crate) fn set_alternate_stack(base: usize, len: usize) -> Result<()> {
    let stack = [base, 0, len];
    // SAFETY: the host reads a `stack_t`; the stack lives as long as the thread.
    unsafe { host::call(__NR_sigaltstack, [&raw const stack as usize, 0, 0, 0, 0, 0])? };
    Ok(())
}

/// Makes every system call of the calling thread outside the given range trap.
pub(crate) fn dispatch_syscalls(allowed_start: usize, allowed_len: usize) -> Result<()> {
    // SAFETY: the LibOS's own calls all come from the allowed range.
    unsafe {
        host::call(__NR_prctl, [PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, allowed_start, allowed_len, 0, 0])?;
    }
    Ok(())
}
