//! Waiting for children (`man 2 wait`).

use super::exit::TermStatus;
use super::job::Take;
use super::process::Process;
use super::table::{self, Aftermath, Table};
use super::thread::Thread;
use super::wait_loan;
use crate::prelude::*;
use crate::signal::{self, Signal};
use bitflags::bitflags;
use core::sync::atomic::Ordering;
use frame::ocall::process::Rusage;
use frame::sync::WaitError;

bitflags! {
    /// Options of `wait4` and `waitid`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct WaitOptions: u32 {
        /// `WNOHANG`.
        const WNOHANG = 1;
        /// `WSTOPPED`; `WUNTRACED` of `wait4`.
        const WSTOPPED = 2;
        /// `WEXITED`.
        const WEXITED = 4;
        /// `WCONTINUED`.
        const WCONTINUED = 8;
        /// `WNOWAIT`.
        const WNOWAIT = 0x0100_0000;
        /// `__WNOTHREAD`.
        const WNOTHREAD = 0x2000_0000;
        /// `__WALL`.
        const WALL = 0x4000_0000;
        /// `__WCLONE`.
        const WCLONE = 0x8000_0000;
    }
}

/// Which children are waited for.
#[derive(Clone)]
pub enum Children {
    /// All.
    Any,
    /// The one of this id.
    Pid(u32),
    /// Those of this process group.
    Group(u32),
    /// This very process.
    Process(Arc<Process>),
}

/// What happened to a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It ended.
    Ended(TermStatus),
    /// This signal stopped it.
    Stopped(Signal),
    /// It goes on.
    Continued,
}

impl From<TermStatus> for Change {
    fn from(status: TermStatus) -> Self {
        Self::Ended(status)
    }
}

impl Change {
    /// The status word of `wait4`.
    pub fn status_word(self) -> i32 {
        const CORE: i32 = 0x80;
        match self {
            Self::Ended(TermStatus::Exited(status)) => (status & 0xff) << 8,
            Self::Ended(TermStatus::Killed { signal, core }) => signal.number() | if core { CORE } else { 0 },
            Self::Stopped(signal) => signal.number() << 8 | 0x7f,
            Self::Continued => 0xffff,
        }
    }

    /// `si_code` and `si_status` of `SIGCHLD` and `waitid`.
    pub fn code_and_status(self) -> (i32, i32) {
        const CLD_EXITED: i32 = 1;
        const CLD_KILLED: i32 = 2;
        const CLD_DUMPED: i32 = 3;
        const CLD_STOPPED: i32 = 5;
        const CLD_CONTINUED: i32 = 6;
        match self {
            Self::Ended(TermStatus::Exited(status)) => (CLD_EXITED, status & 0xff),
            Self::Ended(TermStatus::Killed { signal, core: false }) => (CLD_KILLED, signal.number()),
            Self::Ended(TermStatus::Killed { signal, core: true }) => (CLD_DUMPED, signal.number()),
            Self::Stopped(signal) => (CLD_STOPPED, signal.number()),
            Self::Continued => (CLD_CONTINUED, Signal::SIGCONT.number()),
        }
    }
}

/// What a wait found.
pub struct Found {
    /// The child's id.
    pub pid: u32,
    /// Its real user id.
    pub uid: u32,
    /// What happened to it.
    pub change: Change,
    /// What it and the children that it has waited for have used.
    pub usage: Rusage,
}

impl Children {
    /// Whether `child` is meant.
    pub(super) fn has(&self, child: &Arc<Process>) -> bool {
        match self {
            Self::Any => true,
            Self::Pid(pid) => child.pid() == *pid,
            Self::Group(group) => child.group() == *group,
            Self::Process(process) => Arc::ptr_eq(child, process),
        }
    }
}

/// Waits for a change of a child; nothing if there is none yet and `WNOHANG` is given.
///
/// # Errors
/// `ECHILD` if there's no such child, `ERESTARTSYS` when a signal comes first; `ELENT` when a child needs the host thread.
pub fn wait(thread: &Arc<Thread>, which: &Children, options: WaitOptions) -> Result<Option<Found>> {
    if options.contains(WaitOptions::WNOHANG) {
        return look(thread, which, options);
    }
    loop {
        thread.loan_offer.open(which);
        let is_there = || thread.loan_offer.is_taken() || is_there(thread, which, options).unwrap_or(true);
        let outcome = thread.process.child_changed.wait_until(None, || is_there().then_some(()));
        if let Some(mover) = thread.loan_offer.close() {
            wait_loan::lend(thread, mover);
            return Err(Errno::ELENT.into());
        }
        // What interrupts may be the news of just what is waited for.
        match (look(thread, which, options), outcome) {
            (Ok(None), Ok(())) => {}
            (Ok(None), Err(WaitError::Interrupted)) if !signal::is_wanted(thread) => {}
            (Ok(None), Err(_)) => return Err(Errno::ERESTARTSYS.into()),
            (result, _) => return result,
        }
    }
}

/// Whether there's a change of a child. A look without the right to change is enough in most cases.
fn is_there(thread: &Thread, which: &Children, options: WaitOptions) -> Result<bool> {
    table::read(|table| {
        let mut eligible = eligible(table, thread, which, options).peekable();
        if eligible.peek().is_none() {
            bail!(ECHILD, "no such child");
        }
        Ok(eligible.any(|child| change_of(child, options, Take::Leave).is_some()))
    })
}

fn look(thread: &Arc<Thread>, which: &Children, options: WaitOptions) -> Result<Option<Found>> {
    if !is_there(thread, which, options)? {
        return Ok(None);
    }
    table::change(|table, aftermath| {
        let take = if options.contains(WaitOptions::WNOWAIT) { Take::Leave } else { Take::Consume };
        let found = eligible(table, thread, which, options)
            .find_map(|child| Some((child.clone(), change_of(child, options, take)?)));
        let Some((child, change)) = found else { return Ok(None) };
        Ok(Some(tell(table, aftermath, thread, &child, change, take)))
    })
}

/// The children of the calling process, or thread, that are meant.
fn eligible<'a>(
    table: &'a Table,
    thread: &'a Thread,
    which: &'a Children,
    options: WaitOptions,
) -> impl Iterator<Item = &'a Arc<Process>> {
    table.children(thread.process.pid()).iter().filter(move |child| {
        let relations = &child.relations;
        let is_clone = relations.exit_signal.load(Ordering::Relaxed) != Signal::SIGCHLD.number() as u32;
        let is_of_kind = options.contains(WaitOptions::WALL) || is_clone == options.contains(WaitOptions::WCLONE);
        let is_of_thread = !options.contains(WaitOptions::WNOTHREAD)
            || relations.parent_thread.load(Ordering::Relaxed) == thread.tid();
        is_of_kind && is_of_thread && which.has(child)
    })
}

fn change_of(child: &Process, options: WaitOptions, take: Take) -> Option<Change> {
    if let Some(status) = child.zombie_status() {
        return options.contains(WaitOptions::WEXITED).then_some(Change::Ended(status));
    }
    let wants = |change| match change {
        Change::Stopped(_) => options.contains(WaitOptions::WSTOPPED),
        Change::Continued => options.contains(WaitOptions::WCONTINUED),
        Change::Ended(_) => false,
    };
    child.job.unwaited(wants, take)
}

fn tell(
    table: &mut Table,
    aftermath: &mut Aftermath,
    thread: &Thread,
    child: &Arc<Process>,
    change: Change,
    take: Take,
) -> Found {
    let usage = child.usage_with_children();
    if matches!(change, Change::Ended(_)) && take == Take::Consume {
        table.reap(child, aftermath);
        thread.process.usage.lock().add_child(&usage);
    }
    Found { pid: child.pid(), uid: child.uid(), change, usage }
}
