//! Who may signal, look into and change the processes of others.

use super::process::Process;
use super::thread::Thread;
use super::{Credentials, cap};
use crate::mm::{Memory, Reach};
use crate::prelude::*;
use crate::signal::Signal;
use core::sync::atomic::Ordering;
use frame::ocall::remote::Remote;

/// As whom somebody reaches into a process (`man 2 ptrace` under "ptrace access mode checking").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessMode {
    /// `PTRACE_MODE_FSCREDS`: through files, as `/proc` shows them.
    FileSystem,
    /// `PTRACE_MODE_REALCREDS`: by system calls.
    Real,
}

/// Whether `sender` may send `signal`, or look by signal 0 whether it may, to `target` or a
/// thread of it that has these credentials (`man 2 kill`).
///
/// # Errors
/// `EPERM`.
pub fn may_signal(sender: &Thread, target: &Process, other: &Credentials, signal: Option<Signal>) -> Result<()> {
    if core::ptr::eq(&raw const *sender.process, target) {
        return Ok(());
    }
    let own = sender.credentials();
    let is_owner = [own.euid, own.ruid].iter().any(|&uid| uid == other.ruid || uid == other.suid);
    let continues = signal == Some(Signal::SIGCONT) && sender.process.session() == target.session();
    if is_owner || continues || own.has_cap(cap::KILL) {
        Ok(())
    } else {
        Err(err!(EPERM, "the process is another user's"))
    }
}

/// Whether `caller` may look into or change the process of `target`, as a debugger could: its memory, descriptors and
/// what `/proc` hides.
///
/// # Errors
/// `EPERM`.
pub fn may_access(caller: &Thread, target: &Thread, mode: AccessMode) -> Result<()> {
    if is_same(&caller.process, &target.process) {
        return Ok(());
    }
    let (own, other) = (caller.credentials(), target.credentials());
    if own.has_cap(cap::SYS_PTRACE) {
        return Ok(());
    }
    let (uid, gid, capabilities) = match mode {
        AccessMode::FileSystem => (own.fsuid, own.fsgid, own.cap_effective),
        AccessMode::Real => (own.ruid, own.rgid, own.cap_permitted),
    };
    let is_dumpable = target.process.dumpable.load(Ordering::Relaxed) == 1;
    if other.is_only(uid, gid) && is_dumpable && other.cap_permitted & !capabilities == 0 {
        Ok(())
    } else {
        Err(err!(EPERM, "the process is another user's, has more capabilities, or is not dumpable"))
    }
}

/// Calls `work` with the memory of the process of `target`, which stays so meanwhile, and the way there for the calling
/// thread, whose own memory is `own`.
///
/// # Errors
/// `ESRCH` if `target` runs nowhere; what `work` gives.
pub fn with_memory_of<R>(target: &Thread, own: &Memory, work: impl FnOnce(&Memory, Reach) -> Result<R>) -> Result<R> {
    let memory = target.process.memory.read();
    if memory.is_in_space_of(own) {
        return work(&memory, Reach::Here);
    }
    let handle = target.handle().ok_or(err!(ESRCH, "the process is gone"))?;
    work(&memory, Reach::There(Remote::new(handle.host_pid())))
}

/// Whether `caller` may read and set the limits of the process of `target` (`man 2 prlimit`).
///
/// # Errors
/// `EPERM`.
pub fn may_limit(caller: &Thread, target: &Thread) -> Result<()> {
    let (own, other) = (caller.credentials(), target.credentials());
    let is_own = is_same(&caller.process, &target.process);
    if is_own || other.is_only(own.ruid, own.rgid) || own.has_cap(cap::SYS_RESOURCE) {
        Ok(())
    } else {
        Err(err!(EPERM, "the process is another user's"))
    }
}

fn is_same(one: &Arc<Process>, other: &Arc<Process>) -> bool {
    Arc::ptr_eq(one, other)
}
