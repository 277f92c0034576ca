//! A walk over all processes that looks whether they fit together, for debugging and tests.
//!
//! Others go on meanwhile, so only what the table's lock keeps, or what never holds for a moment either, is looked at.

use super::ids;
use super::process::Process;
use super::table::{self, INIT, Table};
use crate::prelude::*;
use alloc::collections::BTreeMap;
use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering};

/// What a walk has found, if nothing was wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    processes: usize,
    zombies: usize,
    threads: usize,
    groups: usize,
    sessions: usize,
}

impl fmt::Display for Census {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processes, zombies, threads, groups, sessions } = self;
        write!(f, "{processes} processes ({zombies} ended), {threads} threads, {groups} groups, {sessions} sessions")
    }
}

/// Looks whether all processes, threads, groups and sessions agree about each other.
///
/// # Errors
/// The first thing that's wrong, in words.
pub fn walk() -> core::result::Result<Census, String> {
    table::read(|table| {
        let mut census = Census { groups: table.groups.len(), sessions: table.sessions.len(), ..Census::default() };
        check_children(table)?;
        check_groups(table)?;
        for (pid, entry) in &table.processes {
            check_process(table, *pid, &entry.process, &mut census)?;
        }
        Ok(census)
    })
}

/// In debug builds, walks and says what's wrong.
pub(super) fn walk_if_debugging() {
    if cfg!(debug_assertions)
        && let Err(violation) = walk()
    {
        error!("the processes are inconsistent: {violation}");
    }
}

/// In debug builds, walks now and then as processes are reaped: each time while they're few, and when they're many only
/// when as many were reaped as are looked at.
pub(super) fn walk_now_and_then() {
    const FEW: usize = 16;
    static REAPED: AtomicUsize = AtomicUsize::new(0);
    if cfg!(debug_assertions) && REAPED.fetch_add(1, Ordering::Relaxed) >= table::len().saturating_sub(FEW) {
        REAPED.store(0, Ordering::Relaxed);
        walk_if_debugging();
    }
}

/// Each process but the init process is a child of its parent, once.
fn check_children(table: &Table) -> core::result::Result<(), String> {
    let mut parents = BTreeMap::new();
    for (pid, entry) in &table.processes {
        for child in &entry.children {
            let id = child.pid();
            if child.ppid() != *pid {
                return Err(format!("{id} is among the children of {pid}, but its parent is {}", child.ppid()));
            }
            if !table.process(id).is_some_and(|process| Arc::ptr_eq(process, child)) {
                return Err(format!("the child {id} of {pid} isn't in the table"));
            }
            if parents.insert(id, *pid).is_some() {
                return Err(format!("{id} is a child twice"));
            }
        }
    }
    match table.processes.keys().find(|pid| **pid != INIT && !parents.contains_key(pid)) {
        Some(orphan) => Err(format!("{orphan} is nobody's child")),
        None => Ok(()),
    }
}

/// Groups have members and belong to sessions, which count them.
fn check_groups(table: &Table) -> core::result::Result<(), String> {
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    for (id, group) in &table.groups {
        if group.is_empty() {
            return Err(format!("group {id} is empty"));
        }
        if !ids::is_taken(*id) {
            return Err(format!("the id of group {id} is free"));
        }
        let stranger = group.members().find(|pid| table.process(**pid).is_none_or(|member| member.group() != *id));
        if let Some(stranger) = stranger {
            return Err(format!("group {id} has the member {stranger}, which isn't one"));
        }
        *counts.entry(group.session()).or_default() += 1;
    }
    for (id, session) in &table.sessions {
        let count = counts.remove(id).unwrap_or(0);
        if session.groups != count {
            return Err(format!("session {id} has {count} groups and counts {}", session.groups));
        }
        if !ids::is_taken(*id) {
            return Err(format!("the id of session {id} is free"));
        }
    }
    match counts.keys().next() {
        Some(missing) => Err(format!("session {missing} has groups but isn't there")),
        None => Ok(()),
    }
}

fn check_process(
    table: &Table,
    pid: u32,
    process: &Arc<Process>,
    census: &mut Census,
) -> core::result::Result<(), String> {
    if process.pid() != pid || !ids::is_taken(pid) {
        return Err(format!("the id of {pid} is {} or free", process.pid()));
    }
    let group = table.groups.get(&process.group());
    let is_member = group.is_some_and(|group| group.session() == process.session() && group.has(pid));
    if !is_member {
        return Err(format!("{pid} is no member of its group {} in session {}", process.group(), process.session()));
    }
    census.processes += 1;
    let status = process.zombie_status();
    let threads: Vec<_> = process.threads.lock().iter().map(|(tid, thread)| (*tid, thread.clone())).collect();
    if status.is_some() {
        census.zombies += 1;
        if !threads.is_empty() {
            return Err(format!("{pid} has ended but has {} threads", threads.len()));
        }
        if process.memory.read().totals().mapped != 0 {
            return Err(format!("{pid} has ended but has memory"));
        }
    } else if threads.is_empty() && !process.is_ending() {
        return Err(format!("{pid} lives without threads"));
    }
    if !process.signals.lock().is_consistent() {
        return Err(format!("{pid} has a queued signal that isn't pending"));
    }
    for (tid, thread) in &threads {
        if !Arc::ptr_eq(&thread.process, process) || !ids::is_taken(*tid) {
            return Err(format!("thread {tid} of {pid} is another process's, or its id is free"));
        }
        if !thread.signals.lock().is_consistent() {
            return Err(format!("thread {tid} has a queued signal that isn't pending"));
        }
    }
    census.threads += threads.len();
    Ok(())
}
