//! What processes use (`man 2 getrusage`).

use super::process::Process;
use super::thread::Thread;
use crate::prelude::*;
use core::time::Duration;
use frame::ocall::process::Rusage;

/// What a process's ended threads have used, and its children that were waited for.
#[derive(Clone, Debug, Default)]
pub(super) struct UsageTotals {
    ended_threads: Rusage,
    children: Rusage,
}

impl UsageTotals {
    /// A thread has ended that used this.
    pub(super) fn add_thread(&mut self, usage: &Rusage) {
        self.ended_threads = self.ended_threads.plus(usage);
    }

    /// A child was waited for that, with its own children, used this.
    pub(super) fn add_child(&mut self, usage: &Rusage) {
        self.children = self.children.plus(usage);
    }
}

impl Process {
    /// What all of its threads have used until now; of those that run now, processor time alone, and that of other address
    /// spaces isn't known.
    pub fn usage(&self) -> Rusage {
        let mut total = self.usage.lock().ended_threads;
        let threads: Vec<_> = self.threads.lock().values().cloned().collect();
        for thread in threads {
            total = total.plus(&thread.usage());
        }
        total
    }

    /// What its children have used that were waited for.
    pub fn usage_of_children(&self) -> Rusage {
        self.usage.lock().children
    }

    /// What it and its children that were waited for have used.
    pub(super) fn usage_with_children(&self) -> Rusage {
        self.usage().plus(&self.usage_of_children())
    }
}

impl Thread {
    /// What it has used until now; of another thread than the calling one, processor time alone.
    pub fn usage(&self) -> Rusage {
        let is_calling = frame::thread::current_ids().is_some_and(|(_, tid)| tid == self.tid());
        if is_calling {
            return frame::thread::usage();
        }
        let time = self.handle().and_then(|handle| handle.cpu_time()).unwrap_or(Duration::ZERO);
        Rusage { utime: [time.as_secs() as i64, i64::from(time.subsec_micros())], ..Rusage::default() }
    }
}
