//! All processes by id, and how they are related.
//!
//! The table alone changes relations: who is whose parent, in which group and session. It says what follows (signals to
//! be sent, processes to be woken) as an [`Aftermath`], which is carried out when the table is free again.

use super::exit::TermStatus;
use super::group::{ProcessGroup, Session};
use super::ids::Id;
use super::process::Process;
use super::thread::{Thread, Tid, thread_count};
use super::{check, job};
use crate::prelude::*;
use crate::signal::{self, SigInfo, Signal};
use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use frame::sync::Once;

/// The init process's id. It adopts orphans and reaps them at once; it runs nothing.
pub const INIT: u32 = 1;

static TABLE: RwLock<Table> =
    RwLock::new(Table { processes: BTreeMap::new(), groups: BTreeMap::new(), sessions: BTreeMap::new() });
static FIRST: Once<Arc<Process>> = Once::new();

pub(super) struct Table {
    pub(super) processes: BTreeMap<u32, Entry>,
    pub(super) groups: BTreeMap<u32, ProcessGroup>,
    pub(super) sessions: BTreeMap<u32, Session>,
}

/// A process and its children.
pub(super) struct Entry {
    pub(super) process: Arc<Process>,
    pub(super) children: Vec<Arc<Process>>,
}

/// What follows from a change of relations.
#[derive(Default)]
#[must_use]
pub(super) struct Aftermath {
    signals: Vec<(Arc<Process>, Signal, SigInfo)>,
    parents: Vec<Arc<Process>>,
    /// Reaped processes; freed when no lock is held.
    reaped: Vec<Arc<Process>>,
}

impl Aftermath {
    pub(super) fn signal(&mut self, process: &Arc<Process>, signal: Signal, info: SigInfo) {
        self.signals.push((process.clone(), signal, info));
    }

    fn wake(&mut self, parent: &Arc<Process>) {
        self.parents.push(parent.clone());
    }

    /// Sends the signals and wakes those who wait.
    pub(super) fn carry_out(self) {
        for (process, signal, info) in self.signals {
            if let Err(error) = signal::send_to_process(&process, signal, info) {
                warn!("{signal} to process {} is lost: {error}", process.pid());
            }
        }
        for parent in self.parents {
            parent.child_changed.wake_all();
        }
        if !self.reaped.is_empty() {
            drop(self.reaped);
            check::walk_now_and_then();
        }
    }
}

/// Calls `work` with the table, locked for looks.
pub(super) fn read<R>(work: impl FnOnce(&Table) -> R) -> R {
    work(&TABLE.read())
}

/// Calls `work` with the table, locked for changes, and carries out what follows.
pub(super) fn change<R>(work: impl FnOnce(&mut Table, &mut Aftermath) -> R) -> R {
    let mut aftermath = Aftermath::default();
    let result = work(&mut TABLE.write(), &mut aftermath);
    aftermath.carry_out();
    result
}

/// The process that `enclos run` started.
pub fn first() -> Option<Arc<Process>> {
    FIRST.get().cloned()
}

/// Whether this is the process that `enclos run` started.
pub fn is_first(process: &Process) -> bool {
    FIRST.get().is_some_and(|first| first.pid() == process.pid())
}

/// The process of this id, live or a zombie.
pub fn find(pid: u32) -> Option<Arc<Process>> {
    TABLE.read().processes.get(&pid).map(|entry| entry.process.clone())
}

/// The thread of this id, in any process.
pub fn find_thread(tid: Tid) -> Option<Arc<Thread>> {
    let table = TABLE.read();
    // Mostly it's a process's first thread.
    let by_process = table.processes.get(&tid).map(|entry| &entry.process);
    by_process
        .into_iter()
        .chain(table.processes.values().map(|entry| &entry.process))
        .find_map(|process| process.threads.lock().get(&tid).cloned())
}

/// The calling thread; nothing in a thread of the LibOS's own.
pub fn calling_thread() -> Option<Arc<Thread>> {
    let (pid, tid) = frame::thread::current_ids()?;
    find(pid)?.threads.lock().get(&tid).cloned()
}

/// All processes, by ascending id.
pub fn all() -> Vec<Arc<Process>> {
    TABLE.read().processes.values().map(|entry| entry.process.clone()).collect()
}

/// How many processes there are.
pub(super) fn len() -> usize {
    TABLE.read().processes.len()
}

/// The processes of a group; none if there's no such group. The first process comes last: when it stops, so does whoever
/// is telling all of them to.
pub fn group_members(group: u32) -> Vec<Arc<Process>> {
    let table = TABLE.read();
    let members = table.groups.get(&group).map(ProcessGroup::members);
    let mut members: Vec<_> = members
        .into_iter()
        .flatten()
        .filter_map(|pid| table.processes.get(pid))
        .map(|entry| entry.process.clone())
        .collect();
    members.sort_by_key(|process| is_first(process));
    members
}

/// Whether no process runs: all have stopped or ended.
pub(super) fn all_are_stopped() -> bool {
    let has_stopped =
        |process: &Process| process.pid() == INIT || process.job.is_stopped() || process.zombie_status().is_some();
    TABLE.read().processes.values().all(|entry| has_stopped(&entry.process))
}

/// The ids of the children that a thread of the process made.
pub fn children_of_thread(process: &Process, tid: Tid) -> Vec<u32> {
    let is_its = |child: &&Arc<Process>| child.relations.parent_thread.load(Relaxed) == tid;
    read(|table| table.children(process.pid()).iter().filter(is_its).map(|child| child.pid()).collect())
}

/// A thread ends: its children that asked for it (`PR_SET_PDEATHSIG`) are told, and belong to another thread.
pub(super) fn parent_thread_ends(process: &Arc<Process>, tid: Tid) {
    if read(|table| table.children(process.pid()).is_empty()) {
        return;
    }
    change(|table, aftermath| {
        for child in table.children(process.pid()) {
            let parent_thread = &child.relations.parent_thread;
            if parent_thread.compare_exchange(tid, process.pid(), SeqCst, Relaxed).is_ok()
                && let Some(signal) = child.any_thread().and_then(|thread| thread.settings.lock().death_signal())
            {
                aftermath.signal(child, signal, SigInfo::kernel(signal));
            }
        }
    });
}

/// Sets the first process, which is the init process's only child of its own making.
pub(super) fn set_first(process: &Arc<Process>) {
    FIRST.call_once(|| process.clone());
}

/// Says whether a process adopts the orphans among its descendants.
pub(super) fn set_subreaper(process: &Process, adopts: bool) {
    change(|table, _| {
        process.relations.is_subreaper.store(adopts, Relaxed);
        let mut parents = if adopts { vec![process.pid()] } else { Vec::new() };
        while let Some(parent) = parents.pop() {
            for child in table.children(parent) {
                child.relations.has_subreaper.store(true, Relaxed);
                parents.push(child.pid());
            }
        }
    });
}

impl Table {
    /// Adds a process, whose relations say whose child and in which group and session it is.
    pub(super) fn insert(&mut self, process: &Arc<Process>, id: &Arc<Id>) {
        let relations = &process.relations;
        let (parent, group, session) =
            (relations.parent.load(Relaxed), relations.group.load(Relaxed), relations.session.load(Relaxed));
        self.processes.insert(process.pid(), Entry { process: process.clone(), children: Vec::new() });
        if let Some(parent) = self.processes.get_mut(&parent) {
            relations.has_subreaper.store(parent.process.has_subreaper_for_children(), Relaxed);
            parent.children.push(process.clone());
        }
        self.sessions.entry(session).or_insert_with(|| Session::new(id.clone()));
        self.join_group(process, group, id);
    }

    pub(super) fn process(&self, pid: u32) -> Option<&Arc<Process>> {
        self.processes.get(&pid).map(|entry| &entry.process)
    }

    pub(super) fn children(&self, pid: u32) -> &[Arc<Process>] {
        self.processes.get(&pid).map_or(&[], |entry| &entry.children)
    }

    /// Puts a process, which is in no group, into one; `id` keeps the group's id taken if it's a new one.
    pub(super) fn join_group(&mut self, process: &Process, group: u32, id: &Arc<Id>) {
        process.relations.group.store(group, Relaxed);
        let session = process.session();
        let members = self.groups.entry(group).or_insert_with(|| ProcessGroup::new(id.clone(), session));
        if members.is_empty()
            && let Some(session) = self.sessions.get_mut(&session)
        {
            session.groups += 1;
        }
        members.add(process.pid());
    }

    /// Takes a process out of its group; the last one ends the group, and the last group its session.
    pub(super) fn leave_group(&mut self, process: &Process) {
        let id = process.group();
        let Some(group) = self.groups.get_mut(&id) else { return };
        group.remove(process.pid());
        if group.is_empty() {
            let session = group.session();
            self.groups.remove(&id);
            if let Some(entry) = self.sessions.get_mut(&session) {
                entry.groups -= 1;
                if entry.groups == 0 {
                    self.sessions.remove(&session);
                }
            }
        }
    }

    /// Whether no member of the group has a parent in another group of its session (POSIX: an orphaned process group),
    /// `leaver` not counted.
    pub(super) fn is_orphaned(&self, group: u32, leaver: Option<u32>) -> bool {
        let Some(group) = self.groups.get(&group) else { return true };
        !group.members().filter(|pid| Some(**pid) != leaver).filter_map(|pid| self.process(*pid)).any(|member| {
            let has_parent_in = |parent: &Arc<Process>| {
                parent.pid() != INIT && parent.group() != member.group() && parent.session() == member.session()
            };
            // Whoever started the first process outside may look after it.
            let is_kept_outside = || is_first(member) && !frame::ocall::process::group_is_orphaned();
            let is_kept = is_kept_outside() || self.process(member.ppid()).is_some_and(has_parent_in);
            is_kept && member.zombie_status().is_none()
        })
    }

    /// Whether its becoming orphaned would matter. Asked first, since whether it's orphaned is a question to the host.
    fn has_stopped_members(&self, group: u32) -> bool {
        if !job::is_any_stopped() {
            return false;
        }
        let members = self.groups.get(&group).into_iter().flat_map(ProcessGroup::members);
        members.filter_map(|pid| self.process(*pid)).any(|member| member.job.is_stopped())
    }

    /// A group that has become orphaned while it has stopped members is hung up and continued (POSIX, `exit`).
    fn hang_up_if_orphaned(&self, group: u32, leaver: u32, was_orphaned: bool, aftermath: &mut Aftermath) {
        if was_orphaned || !self.is_orphaned(group, Some(leaver)) {
            return;
        }
        let members: Vec<_> = self
            .groups
            .get(&group)
            .into_iter()
            .flat_map(ProcessGroup::members)
            .filter_map(|pid| self.process(*pid))
            .filter(|member| member.pid() != leaver)
            .collect();
        if members.iter().any(|member| member.job.is_stopped()) {
            for member in members {
                for signal in [Signal::SIGHUP, Signal::SIGCONT] {
                    aftermath.signal(member, signal, SigInfo::kernel(signal));
                }
            }
        }
    }

    /// A process has become a zombie: its children get another parent, its own parent is told. A process that nobody
    /// waits for is reaped at once.
    pub(super) fn end(&mut self, process: &Arc<Process>, status: TermStatus, aftermath: &mut Aftermath) {
        let pid = process.pid();
        if process.session() == pid {
            self.disassociate(process, &[Signal::SIGHUP], aftermath);
        }
        let orphans = self.processes.get_mut(&pid).map(|entry| core::mem::take(&mut entry.children));
        if let Some(orphans) = orphans.filter(|orphans| !orphans.is_empty()) {
            // Who has many ancestors has many of them to ask.
            let heir = self.heir_of(process);
            for orphan in orphans {
                self.adopt(&orphan, &heir, pid, aftermath);
            }
        }
        let group = process.group();
        if self.has_stopped_members(group) {
            let was_orphaned = self.is_orphaned(group, None);
            self.hang_up_if_orphaned(group, pid, was_orphaned, aftermath);
        }
        process.is_zombie.store(true, SeqCst);
        self.tell_parent_of_end(process, status, aftermath);
    }

    /// Tells the parent of a zombie once more, whose host process was killed when it had just become one.
    pub(super) fn tell_again_of_end(&mut self, process: &Arc<Process>, aftermath: &mut Aftermath) {
        let is_there = self.process(process.pid()).is_some_and(|found| Arc::ptr_eq(found, process));
        if let Some(status) = process.zombie_status().filter(|_| is_there) {
            self.tell_parent_of_end(process, status, aftermath);
        }
    }

    /// Gives an orphan its new parent.
    fn adopt(&mut self, orphan: &Arc<Process>, heir: &Arc<Process>, from: u32, aftermath: &mut Aftermath) {
        let group = orphan.group();
        let was_orphaned = !self.has_stopped_members(group) || self.is_orphaned(group, None);
        let relations = &orphan.relations;
        relations.parent.store(heir.pid(), Relaxed);
        relations.parent_thread.store(heir.pid(), Relaxed);
        relations.exit_signal.store(Signal::SIGCHLD.number() as u32, Relaxed);
        if let Some(entry) = self.processes.get_mut(&heir.pid()) {
            entry.children.push(orphan.clone());
        }
        if group != self.process(from).map_or(0, |parent| parent.group()) {
            self.hang_up_if_orphaned(group, 0, was_orphaned, aftermath);
        }
        if let Some(status) = orphan.zombie_status() {
            self.tell_parent_of_end(orphan, status, aftermath);
        }
    }

    /// Who adopts the children of a process that ends: the nearest ancestor that wants to, else the init process.
    fn heir_of(&self, process: &Arc<Process>) -> Arc<Process> {
        let has_subreaper = process.relations.has_subreaper.load(Relaxed);
        let mut at = if has_subreaper { process.ppid() } else { INIT };
        while let Some(ancestor) = self.process(at) {
            let wants = at == INIT || ancestor.is_subreaper() && !ancestor.is_ending();
            if wants {
                return ancestor.clone();
            }
            at = ancestor.ppid();
        }
        // Only the init process itself has no ancestor.
        process.clone()
    }

    fn tell_parent_of_end(&mut self, process: &Arc<Process>, status: TermStatus, aftermath: &mut Aftermath) {
        let Some(parent) = self.process(process.ppid()).cloned() else { return };
        let exit_signal = Signal::new(u64::from(process.relations.exit_signal.load(Relaxed))).ok();
        let is_sigchld = exit_signal == Some(Signal::SIGCHLD);
        let is_ignored = is_sigchld && signal::reaps_children(&parent);
        if let Some(signal) = exit_signal.filter(|_| parent.pid() != INIT) {
            // A handler is called even if it says that there'll be no zombies (`SA_NOCLDWAIT`).
            aftermath.signal(&parent, signal, SigInfo::child(signal, process, status.into()));
        }
        if parent.pid() == INIT || is_ignored {
            self.reap(process, aftermath);
        }
        aftermath.wake(&parent);
    }

    /// Takes a zombie out of the table.
    pub(super) fn reap(&mut self, process: &Arc<Process>, aftermath: &mut Aftermath) {
        if let Some(parent) = self.processes.get_mut(&process.ppid()) {
            parent.children.retain(|child| !Arc::ptr_eq(child, process));
        }
        self.leave_group(process);
        if let Some(entry) = self.processes.remove(&process.pid()) {
            // The last thread counts as long as the zombie.
            thread_count::dec();
            aftermath.reaped.push(entry.process);
        }
    }
}
