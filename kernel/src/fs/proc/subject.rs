//! Whom a directory below `/proc/PID` is about, and who may look.

use super::node::Node;
use crate::prelude::*;
use crate::process::{AccessMode, Process, Thread, may_access, table};

/// A process, or one of its threads.
#[derive(Clone)]
pub(super) struct Subject {
    pub(super) process: Arc<Process>,
    /// The thread, for a directory of a thread that lives.
    pub(super) thread: Option<Arc<Thread>>,
    /// Whether the directory is a thread's, below `task`.
    pub(super) is_task: bool,
}

impl Subject {
    pub(super) fn process(process: Arc<Process>) -> Self {
        Self { process, thread: None, is_task: false }
    }

    pub(super) fn thread(thread: Arc<Thread>) -> Self {
        Self { process: thread.process.clone(), thread: Some(thread), is_task: false }
    }

    /// The thread, or one that stands for the process; nothing for one that has ended and wasn't waited for yet.
    ///
    /// # Errors
    /// `ESRCH` when it is gone.
    pub(super) fn live(&self) -> Result<Option<Arc<Thread>>> {
        const GONE: Error = Error::new(Errno::ESRCH, "the process has ended");
        if let Some(thread) = &self.thread {
            return if thread.has_ended() { Err(GONE) } else { Ok(Some(thread.clone())) };
        }
        if !table::find(self.process.pid()).is_some_and(|found| Arc::ptr_eq(&found, &self.process)) {
            return Err(GONE);
        }
        Ok(self.process.any_thread())
    }

    /// As [`live`](Self::live), for what an ended one doesn't have.
    ///
    /// # Errors
    /// `errno` for one that has ended, `ESRCH` when it is gone.
    pub(super) fn live_or(&self, errno: Errno) -> Result<Arc<Thread>> {
        self.live()?.ok_or(Error::new(errno, "the process has ended"))
    }

    /// Its thread id.
    pub(super) fn tid(&self) -> u32 {
        self.thread.as_ref().map_or_else(|| self.process.pid(), |thread| thread.tid())
    }

    /// Checks that the calling thread may look into it.
    ///
    /// # Errors
    /// `EACCES`.
    pub(super) fn check_inspect(&self) -> Result<()> {
        // What has ended has no secrets.
        let (Some(caller), Some(target)) = (table::calling_thread(), self.process.any_thread()) else { return Ok(()) };
        may_access(&caller, &target, AccessMode::FileSystem).map_err(|error| Error::new(Errno::EACCES, error.reason()))
    }

    /// Whether the calling thread is one of the process's.
    pub(super) fn is_calling(&self) -> bool {
        frame::thread::current_ids().is_some_and(|(pid, _)| pid == self.process.pid())
    }

    /// A file for everybody.
    pub(super) fn file(&self, make: fn(&Self) -> Result<Vec<u8>>) -> Node {
        let this = self.clone();
        Node::file(move || make(&this))
    }

    /// A file for those who may look into the process, and only while it lives.
    pub(super) fn private(&self, mode: u32, make: fn(&Thread) -> Vec<u8>) -> Node {
        let (this, guarded) = (self.clone(), self.clone());
        Node::Guarded(
            Arc::new(move || this.live_or(Errno::ESRCH).map(|thread| make(&thread))),
            mode,
            Arc::new(move || {
                guarded.live_or(Errno::ESRCH)?;
                guarded.check_inspect()
            }),
        )
    }

    /// As [`private`](Self::private), but empty for a process that has ended.
    pub(super) fn private_or_empty(&self, mode: u32, make: fn(&Thread) -> Vec<u8>) -> Node {
        let (this, guarded) = (self.clone(), self.clone());
        Node::Guarded(
            Arc::new(move || Ok(this.live()?.map(|thread| make(&thread)).unwrap_or_default())),
            mode,
            Arc::new(move || {
                guarded.live()?;
                guarded.check_inspect()
            }),
        )
    }
}
