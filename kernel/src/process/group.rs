//! Process groups and sessions (`man 7 credentials`, POSIX's chapter on job control).

use super::ids::Id;
use super::process::Process;
use super::table::{self, Table};
use super::thread::Thread;
use crate::prelude::*;
use crate::signal::{self, SigInfo, Signal};
use alloc::collections::BTreeSet;
use core::sync::atomic::Ordering;

/// A process group; there while it has members. Its id stays taken as long.
pub(super) struct ProcessGroup {
    _id: Arc<Id>,
    session: u32,
    members: BTreeSet<u32>,
}

/// A session; there while it has groups.
pub(super) struct Session {
    _id: Arc<Id>,
    pub(super) groups: usize,
}

impl ProcessGroup {
    pub(super) fn new(id: Arc<Id>, session: u32) -> Self {
        Self { _id: id, session, members: BTreeSet::new() }
    }

    pub(super) fn session(&self) -> u32 {
        self.session
    }

    pub(super) fn members(&self) -> impl Iterator<Item = &u32> {
        self.members.iter()
    }

    pub(super) fn has(&self, pid: u32) -> bool {
        self.members.contains(&pid)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(super) fn add(&mut self, pid: u32) {
        self.members.insert(pid);
    }

    pub(super) fn remove(&mut self, pid: u32) {
        self.members.remove(&pid);
    }
}

impl Session {
    pub(super) fn new(id: Arc<Id>) -> Self {
        Self { _id: id, groups: 0 }
    }
}

/// Makes a process a session's leader, alone in a group of its own.
///
/// # Errors
/// `EPERM` if it leads a process group, or one has its id.
pub fn set_session(process: &Arc<Process>) -> Result<u32> {
    let pid = process.pid();
    table::change(|table, _| {
        if table.groups.contains_key(&pid) {
            bail!(EPERM, "a process group has the process's id");
        }
        table.leave_group(process);
        process.relations.session.store(pid, Ordering::Relaxed);
        *process.terminal.lock() = None;
        table.sessions.insert(pid, Session::new(process.id.clone()));
        table.join_group(process, pid, &process.id);
        Ok(pid)
    })
}

/// Whether no member of a process's group has a parent in another group of its session, who could continue it.
pub fn is_orphaned(process: &Process) -> bool {
    table::read(|table| table.is_orphaned(process.group(), None))
}

/// Sends a signal to all processes of a group.
pub fn signal_all(group: u32, signal: Signal, info: SigInfo) {
    while_none_join(|| {
        for member in table::group_members(group) {
            if let Err(error) = signal::send_to_process(&member, signal, info) {
                warn!("{signal} to process {} is lost: {error}", member.pid());
            }
        }
    });
}

/// Read while several processes are looked up and signalled, written while a new one joins them.
static JOINING: RwLock<Joining> = RwLock::new(Joining);

#[derive(Debug)]
struct Joining;

/// Looks up and signals several processes in `work`, while no new one comes. So one that is forked meanwhile is either
/// among them, or its parent has the signal before it forks.
pub fn while_none_join<R>(work: impl FnOnce() -> R) -> R {
    let _joining = JOINING.read();
    work()
}

/// Adds a child of `parent`, the calling thread, to the processes, by `work`.
///
/// # Errors
/// `ERESTARTNOINTR` if the parent is to take a signal first.
pub(super) fn join(parent: &Thread, work: impl FnOnce()) -> Result<()> {
    let _joining = JOINING.write();
    if signal::has_work(parent) {
        return Err(Errno::ERESTARTNOINTR.into());
    }
    work();
    Ok(())
}

/// Puts the process of id `pid` into a group of its session, or into one of its own; 0 stands for the caller, or for
/// the process's own id.
///
/// # Errors
/// As `setpgid(2)`.
pub fn set_group(caller: &Arc<Process>, pid: u32, group: u32) -> Result<()> {
    let pid = if pid == 0 { caller.pid() } else { pid };
    let group = if group == 0 { pid } else { group };
    table::change(|table, _| {
        let process = table.process(pid).cloned().ok_or(err!(ESRCH, "no such process"))?;
        check_set_group(table, caller, &process, group)?;
        if process.group() != group {
            table.leave_group(&process);
            table.join_group(&process, group, &process.id);
        }
        Ok(())
    })
}

fn check_set_group(table: &Table, caller: &Arc<Process>, process: &Arc<Process>, group: u32) -> Result<()> {
    if process.ppid() == caller.pid() {
        if process.session() != caller.session() {
            bail!(EPERM, "the child is in another session");
        }
        if process.relations.has_execed.load(Ordering::Relaxed) {
            bail!(EACCES, "the child has run a program of its own");
        }
    } else if !Arc::ptr_eq(process, caller) {
        bail!(ESRCH, "neither the caller nor a child of it");
    }
    if process.session() == process.pid() {
        bail!(EPERM, "a session leader's group can't be changed");
    }
    let is_in_session = table.groups.get(&group).is_some_and(|found| found.session() == process.session());
    if group != process.pid() && !is_in_session {
        bail!(EPERM, "no such group in the session");
    }
    Ok(())
}
