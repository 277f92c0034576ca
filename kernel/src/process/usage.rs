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
    /// The processor time that was used before the program was executed for which the process has moved.
    before_program: Duration,
}

impl UsageTotals {
    /// A thread has ended that used this.
    pub(super) fn add_thread(&mut self, usage: &Rusage) {
        self.ended_threads = self.ended_threads.plus(usage);
    }

    /// What was used until now isn't the next program's.
    pub(super) fn begin_program(&mut self) {
        self.before_program = self.ended_threads.cpu_time();
    }

    /// A child was waited for that, with its own children, used this.
    pub(super) fn add_child(&mut self, usage: &Rusage) {
        self.children = self.children.plus(usage);
    }
}

impl Process {
    /// What all of its threads have used until now.
    pub fn usage(&self) -> Rusage {
        // A thread that ends adds its part under this lock.
        let totals = self.usage.lock();
        self.live_threads().iter().fold(totals.ended_threads, |total, thread| total.plus(&thread.usage()))
    }

    /// The processor time of all of its threads until now.
    pub fn cpu_time(&self) -> Duration {
        let totals = self.usage.lock();
        self.live_threads().iter().fold(totals.ended_threads.cpu_time(), |total, thread| total + thread.cpu_time())
    }

    /// As [`cpu_time`](Self::cpu_time), of its last program only, as far as that's known.
    pub(super) fn program_time(&self) -> Duration {
        let before = self.usage.lock().before_program;
        self.cpu_time().saturating_sub(before)
    }

    fn live_threads(&self) -> Vec<Arc<Thread>> {
        self.threads.lock().values().cloned().collect()
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
    /// What it has used until now.
    pub fn usage(&self) -> Rusage {
        if self.is_calling() {
            return frame::thread::usage();
        }
        // The host counts the parts of a time in ticks, the whole of it exactly.
        let activity = self.handle().and_then(|handle| handle.activity());
        let Some(mut usage) = activity.map(|activity| activity.usage) else { return Rusage::default() };
        let total = self.cpu_time().max(usage.cpu_time());
        usage.utime = split(total.saturating_sub(usage.system_time()));
        usage
    }

    /// The processor time that it has used until now.
    pub fn cpu_time(&self) -> Duration {
        if self.is_calling() {
            return frame::thread::cpu_time();
        }
        self.handle().and_then(|handle| handle.cpu_time()).unwrap_or_default()
    }

    /// Counts what it, the calling thread, has used since it last did this as its process's: its host thread is about to
    /// do something else.
    pub(super) fn hand_in_usage(&self) {
        let used = frame::thread::take_usage();
        self.process.usage.lock().add_thread(&used);
    }

    /// Whether it is the calling thread.
    pub fn is_calling(&self) -> bool {
        frame::thread::current_ids().is_some_and(|(_, tid)| tid == self.tid())
    }
}

/// As in `struct timeval`.
fn split(time: Duration) -> [i64; 2] {
    [time.as_secs() as i64, i64::from(time.subsec_micros())]
}
