//! All processes by id.

use super::process::Process;
use super::thread::{Thread, Tid};
use crate::prelude::*;
use frame::sync::Once;

static PROCESSES: RwLock<BTreeMap<u32, Arc<Process>>> = RwLock::new(BTreeMap::new());
static FIRST: Once<Arc<Process>> = Once::new();

/// Adds a process; the first one stays the first.
pub(super) fn insert(process: &Arc<Process>) {
    FIRST.call_once(|| process.clone());
    PROCESSES.write().insert(process.pid(), process.clone());
}

pub(super) fn remove(pid: u32) {
    PROCESSES.write().remove(&pid);
}

/// The process that `enclos run` started.
pub fn first() -> Option<Arc<Process>> {
    FIRST.get().cloned()
}

/// Whether this is the process that `enclos run` started.
pub fn is_first(process: &Process) -> bool {
    FIRST.get().is_some_and(|first| first.pid() == process.pid())
}

/// The process of this id.
pub fn find(pid: u32) -> Option<Arc<Process>> {
    PROCESSES.read().get(&pid).cloned()
}

/// The thread of this id, in any process.
pub fn find_thread(tid: Tid) -> Option<Arc<Thread>> {
    all().into_iter().find_map(|process| process.threads.lock().get(&tid).cloned())
}

/// All processes, by ascending id.
pub fn all() -> Vec<Arc<Process>> {
    PROCESSES.read().values().cloned().collect()
}
