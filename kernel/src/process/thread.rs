//! A thread: one flow of execution and what it doesn't share, or shares by choice.

use super::credentials::Credentials;
use super::ids::Id;
use super::process::Process;
use super::settings::Settings;
use crate::fs::{FileTable, FsView};
use crate::prelude::*;
use crate::signal::ThreadSignals;
use core::sync::atomic::{AtomicBool, AtomicU64};
use frame::sync::{Deadline, Once};
use frame::thread::Handle;

/// A thread's id.
pub type Tid = u32;

/// A thread.
pub struct Thread {
    /// Keeps its id taken; the first thread's is the process's.
    pub(super) _id: Option<Id>,
    pub(super) tid: Tid,
    /// Its process.
    pub process: Arc<Process>,
    pub(super) this: Weak<Self>,
    /// Its host thread; set before it runs.
    pub(super) handle: Once<Handle>,
    /// Its open files.
    pub files: RwLock<Arc<FileTable>>,
    /// Its root, working directory and umask.
    pub fs: RwLock<Arc<FsView>>,
    /// Who it acts as.
    pub credentials: RwLock<Arc<Credentials>>,
    /// Its signal mask, pending signals and alternate stack.
    pub signals: Mutex<ThreadSignals>,
    /// Its name (`/proc/PID/task/TID/comm`), without NUL, at most 15 bytes.
    pub name: Mutex<Vec<u8>>,
    /// Address of the word that is cleared and woken when it ends (`set_tid_address`); 0 for none.
    pub clear_tid: AtomicU64,
    /// Head and length of its robust futex list (`set_robust_list`).
    pub robust_list: Mutex<(u64, usize)>,
    /// What it set for itself: scheduling, `prctl`.
    pub settings: Mutex<Settings>,
    /// An interrupted sleep: until when, and where the time left is written.
    pub sleep: Mutex<Option<(Deadline, usize)>>,
    /// Another thread replaces the program: this one ends at its next way out.
    pub(super) must_end: AtomicBool,
    /// It has ended.
    pub(super) has_ended: AtomicBool,
}

impl Thread {
    /// Its thread id.
    pub fn tid(&self) -> Tid {
        self.tid
    }

    /// Itself, as others hold it.
    pub fn arc(&self) -> Option<Arc<Self>> {
        self.this.upgrade()
    }

    /// Whether it has ended, or is doing the last things.
    pub fn has_ended(&self) -> bool {
        self.has_ended.load(core::sync::atomic::Ordering::SeqCst)
    }

    /// Whether it ends at its next way out.
    pub fn must_end(&self) -> bool {
        self.process.is_ending() || self.must_end.load(core::sync::atomic::Ordering::SeqCst)
    }

    /// Its host thread, once it runs.
    pub fn handle(&self) -> Option<&Handle> {
        self.handle.get()
    }

    /// Makes it look after signals soon, wherever it is.
    pub fn interrupt(&self) {
        if let Some(handle) = self.handle.get() {
            handle.interrupt();
        }
    }

    /// Its open files.
    pub fn files(&self) -> Arc<FileTable> {
        self.files.read().clone()
    }

    /// Its root, working directory and umask.
    pub fn fs(&self) -> Arc<FsView> {
        self.fs.read().clone()
    }

    /// Who it acts as.
    pub fn credentials(&self) -> Arc<Credentials> {
        self.credentials.read().clone()
    }
}
