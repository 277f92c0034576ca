//! System calls about signals.

use super::disposition::{Action, Response};
use super::info::{SI_TKILL, SI_USER};
pub use super::signalfd::{SignalFdFlags, signalfd, signalfd4};
use super::state::AlternateStack;
use super::{SigInfo, SigSet, Signal, frame, send};
use crate::prelude::*;
use crate::process::{Process, Thread, group, may_signal, table};
use crate::syscalls::Context;
use crate::time::Timespec;
use ::frame::sync::{Deadline, WaitError, Waiter};

/// The size of a signal set that calls must pass.
const SIGSET_SIZE: usize = 8;

pub(super) fn check_size(size: usize) -> Result<()> {
    if size == SIGSET_SIZE { Ok(()) } else { Err(err!(EINVAL, "a signal set of a wrong size")) }
}

/// `rt_sigaction(2)`.
pub fn rt_sigaction(
    cx: Context<'_>,
    signal: i32,
    new: UserPtr<Action>,
    old: UserPtr<Action>,
    size: usize,
) -> Result<usize> {
    check_size(size)?;
    let signal = Signal::new(signal as u64)?;
    let new = new.non_null().map(UserPtr::read).transpose()?;
    if new.is_some() && SigSet::UNBLOCKABLE.contains(signal) {
        bail!(EINVAL, "the signal can't be handled");
    }
    let process = &cx.thread.process;
    let previous = {
        let dispositions = process.dispositions();
        let mut dispositions = dispositions.lock();
        match new {
            Some(action) => dispositions.set(signal, action.sanitized()),
            None => dispositions.get(signal),
        }
    };
    if new.is_some_and(|action| action.response(signal) == Response::Ignore) {
        // What is pending of an ignored signal is gone.
        send::discard(process, SigSet::only(signal));
    }
    old.write_if_some(&previous)?;
    Ok(0)
}

/// `rt_sigprocmask(2)`.
pub fn rt_sigprocmask(cx: Context<'_>, how: i32, set: UserPtr<u64>, old: UserPtr<u64>, size: usize) -> Result<usize> {
    const SIG_BLOCK: i32 = 0;
    const SIG_UNBLOCK: i32 = 1;
    const SIG_SETMASK: i32 = 2;
    check_size(size)?;
    let set = set.non_null().map(UserPtr::read).transpose()?.map(SigSet::from_bits);
    let mut signals = cx.thread.signals.lock();
    let previous = signals.mask;
    if let Some(set) = set {
        let set = set.without(SigSet::UNBLOCKABLE);
        signals.mask = match how {
            SIG_BLOCK => previous.union(set),
            SIG_UNBLOCK => previous.without(set),
            SIG_SETMASK => set,
            _ => bail!(EINVAL, "no such way to change the mask"),
        };
        send::recheck(cx.thread, signals);
    } else {
        drop(signals);
    }
    old.write_if_some(&previous.bits())?;
    Ok(0)
}

/// `rt_sigpending(2)`.
pub fn rt_sigpending(cx: Context<'_>, set: UserPtr<u64>, size: usize) -> Result<usize> {
    if size > SIGSET_SIZE {
        bail!(EINVAL, "a signal set of a wrong size");
    }
    let (own, mask) = {
        let signals = cx.thread.signals.lock();
        (signals.queue.pending(), signals.mask)
    };
    let pending = own.union(cx.thread.process.signals.pending()).intersection(mask);
    set.cast::<u8>().slice(size)?.write(&pending.bits().to_le_bytes())?;
    Ok(0)
}

/// Waits until the thread is interrupted.
fn wait_for_signal() -> Error {
    let waiter = Waiter::current();
    while waiter.wait(None).is_ok() {}
    Errno::ERESTARTNOHAND.into()
}

/// Does `work`, a call that waits, with another mask, if one is given; a handler's return restores the old one.
///
/// # Errors
/// `EINVAL` for a set of a wrong size, `EFAULT`, and what `work` gives.
pub fn with_mask(
    thread: &Thread,
    mask: UserPtr<u64>,
    size: usize,
    work: impl FnOnce() -> Result<usize>,
) -> Result<usize> {
    let Some(mask) = mask.non_null() else { return work() };
    check_size(size)?;
    let mask = SigSet::from_bits(mask.read()?).without(SigSet::UNBLOCKABLE);
    let mut signals = thread.signals.lock();
    let old = core::mem::replace(&mut signals.mask, mask);
    send::recheck(thread, signals);
    let result = work();
    let mut signals = thread.signals.lock();
    if result.as_ref().is_err_and(|error| matches!(error.errno(), Errno::ERESTARTNOHAND | Errno::EINTR)) {
        // The signal that ended the wait is delivered under the new mask.
        signals.saved_mask = Some(old);
    } else {
        signals.mask = old;
        send::recheck(thread, signals);
    }
    result
}

/// `rt_sigsuspend(2)`.
pub fn rt_sigsuspend(cx: Context<'_>, set: UserPtr<u64>, size: usize) -> Result<usize> {
    check_size(size)?;
    let set = SigSet::from_bits(set.read()?).without(SigSet::UNBLOCKABLE);
    let mut signals = cx.thread.signals.lock();
    signals.saved_mask = Some(signals.mask);
    signals.mask = set;
    send::recheck(cx.thread, signals);
    Err(wait_for_signal())
}

/// `pause(2)`.
pub fn pause(_cx: Context<'_>) -> Result<usize> {
    Err(wait_for_signal())
}

/// `rt_sigtimedwait(2)`.
pub fn rt_sigtimedwait(
    cx: Context<'_>,
    set: UserPtr<u64>,
    info: UserPtr<SigInfo>,
    timeout: UserPtr<Timespec>,
    size: usize,
) -> Result<usize> {
    check_size(size)?;
    let wanted = SigSet::from_bits(set.read()?).without(SigSet::UNBLOCKABLE);
    let deadline = match timeout.non_null() {
        Some(timeout) => Some(Deadline::after(timeout.read()?.duration()?)),
        None => None,
    };
    let others = SigSet::from_bits(!wanted.bits());
    let waiter = Waiter::current();
    cx.thread.signals.lock().awaited = wanted;
    let result = loop {
        if let Some((signal, found)) = send::take(cx.thread, others) {
            break info.write_if_some(&found).map(|()| signal.number() as usize);
        }
        match waiter.wait(deadline) {
            Ok(()) => {}
            Err(WaitError::TimedOut) => break Err(err!(EAGAIN, "no signal came in time")),
            Err(WaitError::Interrupted) => match send::take(cx.thread, others) {
                Some((signal, found)) => break info.write_if_some(&found).map(|()| signal.number() as usize),
                None if send::is_wanted(cx.thread) => break Err(Errno::EINTR.into()),
                None => {}
            },
        }
    };
    let mut signals = cx.thread.signals.lock();
    signals.awaited = SigSet::EMPTY;
    // What came meanwhile for the process, and isn't for this thread after all, is for others.
    send::recheck(cx.thread, signals);
    result
}

/// Whether one may signal another's process; nothing keeps anybody from those that have ended.
fn check_permission(sender: &Thread, target: &Process, signal: Option<Signal>) -> Result<()> {
    if core::ptr::eq(&raw const *sender.process, target) {
        return Ok(());
    }
    target.credentials().map_or(Ok(()), |credentials| may_signal(sender, target, &credentials, signal))
}

fn optional(signal: i32) -> Result<Option<Signal>> {
    if signal == 0 { Ok(None) } else { Signal::new(signal as u64).map(Some) }
}

fn kill_process(cx: &Context<'_>, process: &Arc<Process>, signal: Option<Signal>) -> Result<()> {
    check_permission(cx.thread, process, signal)?;
    match signal {
        Some(signal) => send::send_to_process(process, signal, SigInfo::user(signal, SI_USER, cx.thread)),
        None => Ok(()),
    }
}

const NO_PROCESS: Error = Error::new(Errno::ESRCH, "no such process");

/// `kill(2)`.
pub fn kill(cx: Context<'_>, pid: i32, signal: i32) -> Result<usize> {
    let signal = optional(signal)?;
    if pid > 0 && pid as u32 == cx.thread.process.pid() {
        kill_process(&cx, &cx.thread.process, signal)?;
        return Ok(0);
    }
    if pid > 0 {
        let process =
            table::find(pid as u32).or_else(|| table::find_thread(pid as u32).map(|thread| thread.process.clone()));
        kill_process(&cx, &process.ok_or(NO_PROCESS)?, signal)?;
        return Ok(0);
    }
    group::while_none_join(|| kill_several(&cx, pid, signal))
}

fn kill_several(cx: &Context<'_>, pid: i32, signal: Option<Signal>) -> Result<usize> {
    let own_pid = cx.thread.process.pid();
    let targets = match pid {
        0 => table::group_members(cx.thread.process.group()),
        // All but the init process and itself.
        -1 => table::all().into_iter().filter(|other| ![own_pid, table::INIT].contains(&other.pid())).collect(),
        _ => table::group_members(pid.unsigned_abs()),
    };
    let mut result = Err(NO_PROCESS);
    for process in &targets {
        match kill_process(cx, process, signal) {
            Ok(()) => result = Ok(0),
            // That some of all processes may not be signalled is no failure.
            Err(error) if pid == -1 && error.errno() == Errno::EPERM => result = result.or(Ok(0)),
            Err(error) => result = result.or(Err(error)),
        }
    }
    result
}

fn kill_thread(cx: &Context<'_>, pid: Option<u32>, tid: i32, signal: i32) -> Result<usize> {
    if tid <= 0 || pid == Some(0) {
        bail!(EINVAL, "ids are positive");
    }
    let signal = optional(signal)?;
    let own = cx.thread.process.threads.lock().get(&(tid as u32)).cloned();
    let target = own.or_else(|| table::find_thread(tid as u32)).ok_or(err!(ESRCH, "no such thread"))?;
    if pid.is_some_and(|pid| pid != target.process.pid()) {
        bail!(ESRCH, "no such thread in the process");
    }
    may_signal(cx.thread, &target.process, &target.credentials(), signal)?;
    if let Some(signal) = signal {
        send::send_to_thread(&target, signal, SigInfo::user(signal, SI_TKILL, cx.thread))?;
    }
    Ok(0)
}

/// `tkill(2)`.
pub fn tkill(cx: Context<'_>, tid: i32, signal: i32) -> Result<usize> {
    kill_thread(&cx, None, tid, signal)
}

/// `tgkill(2)`.
pub fn tgkill(cx: Context<'_>, pid: i32, tid: i32, signal: i32) -> Result<usize> {
    if pid <= 0 {
        bail!(EINVAL, "ids are positive");
    }
    kill_thread(&cx, Some(pid as u32), tid, signal)
}

/// What a program may claim about a signal that it sends to another.
fn check_claim(cx: &Context<'_>, info: &SigInfo, pid: u32) -> Result<()> {
    if (info.code() >= 0 || info.code() == SI_TKILL) && pid != cx.thread.process.pid() {
        bail!(EPERM, "only the kernel sends such a code");
    }
    Ok(())
}

/// `rt_sigqueueinfo(2)`.
pub fn rt_sigqueueinfo(cx: Context<'_>, pid: i32, signal: i32, info: UserPtr<SigInfo>) -> Result<usize> {
    let info = info.read()?;
    check_claim(&cx, &info, pid as u32)?;
    let signal = optional(signal)?;
    let process = table::find(pid as u32).ok_or(err!(ESRCH, "no such process"))?;
    check_permission(cx.thread, &process, signal)?;
    if let Some(signal) = signal {
        send::send_to_process(&process, signal, info.with_signal(signal))?;
    }
    Ok(0)
}

/// Sends a signal to the process of a descriptor (`pidfd_send_signal(2)`).
///
/// # Errors
/// `EINVAL` for a signal that isn't the one in `info`, `EPERM`, `ESRCH` if the process was waited for.
pub fn send_by_descriptor(
    cx: &Context<'_>,
    process: &Arc<Process>,
    signal: i32,
    info: UserPtr<SigInfo>,
) -> Result<usize> {
    let info = info.non_null().map(UserPtr::read).transpose()?;
    if let Some(info) = &info {
        if info.signo() != signal {
            bail!(EINVAL, "the details are another signal's");
        }
        check_claim(cx, info, process.pid())?;
    }
    let signal = optional(signal)?;
    check_permission(cx.thread, process, signal)?;
    if table::find(process.pid()).is_none_or(|found| !Arc::ptr_eq(&found, process)) {
        bail!(ESRCH, "the process has ended and was waited for");
    }
    if let Some(signal) = signal {
        let info = info.unwrap_or_else(|| SigInfo::user(signal, SI_USER, cx.thread));
        send::send_to_process(process, signal, info)?;
    }
    Ok(0)
}

/// `rt_tgsigqueueinfo(2)`.
pub fn rt_tgsigqueueinfo(cx: Context<'_>, pid: i32, tid: i32, signal: i32, info: UserPtr<SigInfo>) -> Result<usize> {
    if pid <= 0 || tid <= 0 {
        bail!(EINVAL, "ids are positive");
    }
    let info = info.read()?;
    check_claim(&cx, &info, pid as u32)?;
    let signal = optional(signal)?;
    let target = table::find_thread(tid as u32).filter(|thread| thread.process.pid() == pid as u32);
    let target = target.ok_or(err!(ESRCH, "no such thread"))?;
    may_signal(cx.thread, &target.process, &target.credentials(), signal)?;
    if let Some(signal) = signal {
        send::send_to_thread(&target, signal, info.with_signal(signal))?;
    }
    Ok(0)
}

/// `sigaltstack(2)`.
pub fn sigaltstack(cx: Context<'_>, new: UserPtr<AlternateStack>, old: UserPtr<AlternateStack>) -> Result<usize> {
    let new = new.non_null().map(UserPtr::read).transpose()?;
    let sp = cx.regs.rsp;
    let shown = {
        let mut signals = cx.thread.signals.lock();
        let current = signals.alternate_stack;
        if let Some(new) = new {
            signals.alternate_stack = current.replaced(new, sp)?;
        }
        current.shown(sp)
    };
    old.write_if_some(&shown)?;
    Ok(0)
}

/// `rt_sigreturn(2)`.
pub fn rt_sigreturn(cx: Context<'_>) -> Result<usize> {
    let thread = cx.thread;
    match frame::pop(thread, cx.regs) {
        Ok(rax) => Ok(rax as usize),
        Err(error) => {
            debug!("a handler returns from a frame that isn't there: {error}");
            send::force(thread, Signal::SIGSEGV);
            Ok(0)
        }
    }
}
