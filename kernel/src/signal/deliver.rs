//! From the queues to a handler or the default action, on a thread's way out of the LibOS.

use super::disposition::{Action, ActionFlags, Response};
use super::number::DefaultAction;
use super::send::Next;
use super::{SigInfo, SigSet, Signal, frame, send};
use crate::prelude::*;
use crate::process::{Thread, exit, group, job};
use ::frame::context::UserContext;
use ::frame::thread::Flow;
use ::frame::trap::Fault;

/// What a faulting program's registers don't say.
#[derive(Clone, Copy, Default)]
pub(super) struct FaultDetails {
    pub(super) trap_number: u64,
    pub(super) error_code: u64,
    pub(super) addr: u64,
}

const RESTART_SYSCALL: u64 = 219;

/// Delivers what is pending for a thread. `interrupted` is the number of the system call that it is in, whose result
/// in `rax` may be one of the internal restart errors: the call fails with `EINTR` or is made again.
pub fn deliver(thread: &Arc<Thread>, regs: &mut UserContext, interrupted: Option<u64>) -> Flow {
    let mut restart = interrupted.and_then(|number| Restart::from_result(regs.rax, number));
    let mut runs_handler = false;
    let has_saved_mask = loop {
        let (signal, info, releases) = match send::take_unblocked(thread) {
            Next::Signal(signal, info, releases) => (signal, info, releases),
            Next::Nothing { has_saved_mask } => break has_saved_mask,
        };
        let action = {
            let dispositions = thread.process.dispositions();
            let mut dispositions = dispositions.lock();
            let action = dispositions.get(signal);
            if action.flags().contains(ActionFlags::RESETHAND)
                && matches!(action.response(signal), Response::Handler(_))
            {
                dispositions.set(signal, action.without_handler());
            }
            action
        };
        match action.response(signal) {
            Response::Ignore => {}
            Response::Default(default) => {
                if let Flow::End = act(thread, signal, default, releases) {
                    return Flow::End;
                }
            }
            Response::Handler(handler) => {
                if let Some(restart) = restart.take() {
                    restart.before_handler(regs, action.flags());
                }
                let details = FaultDetails::default();
                match frame::push(thread, regs, signal, &info, &action, handler, details) {
                    Ok(has_more) => {
                        runs_handler = true;
                        if !has_more {
                            // And the mask of a wait is in the frame.
                            break false;
                        }
                    }
                    Err(_) if signal == Signal::SIGSEGV => {
                        return exit::exit_group_by_signal(thread, signal, true);
                    }
                    Err(error) => {
                        debug!("{signal} gets no frame: {error}");
                        send::force(thread, Signal::SIGSEGV);
                    }
                }
            }
        }
    };
    if let Some(restart) = restart {
        restart.without_handler(regs);
    }
    if runs_handler {
        // What the handler blocks is for other threads.
        send::retarget(thread);
    }
    if has_saved_mask {
        // A wait with a mask of its own is over, and no handler's return will restore the old one.
        let mut signals = thread.signals.lock();
        if let Some(mask) = signals.saved_mask.take() {
            signals.mask = mask;
        }
        drop(signals);
        // What the old mask lets through is delivered too.
        return deliver(thread, regs, None);
    }
    Flow::Resume
}

/// The program faulted: its handler runs at once, whatever else is pending, or it is killed.
pub fn fault(thread: &Arc<Thread>, regs: &mut UserContext, fault: Fault) -> Flow {
    let Ok(signal) = Signal::new(fault.signal as u64) else { return Flow::Resume };
    debug!("{signal} at {:#x} for address {:#x}", regs.rip, fault.addr);
    let is_blocked = thread.signals.lock().mask.contains(signal);
    let action = {
        let dispositions = thread.process.dispositions();
        let mut dispositions = dispositions.lock();
        let action = dispositions.get(signal);
        if action.flags().contains(ActionFlags::RESETHAND) {
            dispositions.set(signal, action.without_handler());
        }
        action
    };
    let info = SigInfo::fault(signal, fault.code, fault.addr);
    match action.response(signal) {
        Response::Handler(handler) if !is_blocked => {
            let details =
                FaultDetails { trap_number: fault.trap_number, error_code: fault.error_code, addr: fault.addr as u64 };
            match frame::push(thread, regs, signal, &info, &action, handler, details) {
                Ok(_) => {
                    send::retarget(thread);
                    Flow::Resume
                }
                Err(_) if signal == Signal::SIGSEGV => exit::exit_group_by_signal(thread, signal, true),
                Err(_) => {
                    send::force(thread, Signal::SIGSEGV);
                    deliver(thread, regs, None)
                }
            }
        }
        // It can't be blocked or ignored: the program would only fault again.
        _ => exit::exit_group_by_signal(thread, signal, true),
    }
}

fn act(thread: &Arc<Thread>, signal: Signal, action: DefaultAction, releases: u32) -> Flow {
    match action {
        DefaultAction::Terminate => exit::exit_group_by_signal(thread, signal, false),
        DefaultAction::Core => exit::exit_group_by_signal(thread, signal, true),
        DefaultAction::Stop => {
            // A process that nobody could continue isn't stopped by its terminal (POSIX, 2.4.3).
            if signal == Signal::SIGSTOP || !group::is_orphaned(&thread.process) {
                job::stop(thread, signal, releases);
            }
            Flow::Resume
        }
        DefaultAction::Ignore | DefaultAction::Continue => Flow::Resume,
    }
}

/// How an interrupted system call goes on (Linux's `handle_signal`).
struct Restart {
    kind: Errno,
    number: u64,
}

impl Restart {
    fn from_result(rax: u64, number: u64) -> Option<Self> {
        let errno = Errno::from_raw((rax as i64).wrapping_neg().try_into().ok()?)?;
        let is_restart =
            matches!(errno, Errno::ERESTARTSYS | Errno::ERESTARTNOINTR | Errno::ERESTARTNOHAND | Errno::ERESTARTBLOCK);
        is_restart.then_some(Self { kind: errno, number })
    }

    /// A handler runs first.
    fn before_handler(self, regs: &mut UserContext, flags: ActionFlags) {
        let restarts = match self.kind {
            Errno::ERESTARTNOINTR => true,
            Errno::ERESTARTSYS => flags.contains(ActionFlags::RESTART),
            _ => false,
        };
        if restarts {
            regs.restart_syscall(self.number);
        } else {
            regs.rax = (-(Errno::EINTR as i64)) as u64;
        }
    }

    /// No handler runs: the call is made again.
    fn without_handler(self, regs: &mut UserContext) {
        let number = if self.kind == Errno::ERESTARTBLOCK { RESTART_SYSCALL } else { self.number };
        regs.restart_syscall(number);
    }
}

/// What a handler's frame makes of the mask.
pub(super) fn handler_mask(mask: SigSet, signal: Signal, action: &Action) -> SigSet {
    let own = if action.flags().contains(ActionFlags::NODEFER) { SigSet::EMPTY } else { SigSet::only(signal) };
    mask.union(action.mask()).union(own).without(SigSet::UNBLOCKABLE)
}
