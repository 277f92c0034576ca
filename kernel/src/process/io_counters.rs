//! How much threads and processes have read and written (`man 5 proc_pid_io`).

use super::process::Process;
use crate::prelude::*;
use core::sync::atomic::{AtomicU64, Ordering};

/// What a thread has transferred. It alone counts; others look.
#[derive(Debug, Default)]
pub struct IoCounters {
    reads: Counter,
    writes: Counter,
}

#[derive(Debug, Default)]
struct Counter {
    bytes: AtomicU64,
    calls: AtomicU64,
}

/// Bytes and calls.
#[derive(Clone, Copy, Debug, Default)]
pub struct Transfers {
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes written.
    pub written_bytes: u64,
    /// Calls that read.
    pub reads: u64,
    /// Calls that write.
    pub writes: u64,
}

impl IoCounters {
    /// Counts a call that reads; gives its result.
    pub fn count_read(&self, result: Result<usize>) -> Result<usize> {
        self.reads.count(result)
    }

    /// Counts a call that writes; gives its result.
    pub fn count_write(&self, result: Result<usize>) -> Result<usize> {
        self.writes.count(result)
    }

    /// What was counted until now.
    pub fn transfers(&self) -> Transfers {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Transfers {
            read_bytes: get(&self.reads.bytes),
            written_bytes: get(&self.writes.bytes),
            reads: get(&self.reads.calls),
            writes: get(&self.writes.calls),
        }
    }
}

impl Counter {
    /// The thread alone writes, so no locked instruction is needed. The result isn't passed on as a whole: copying it by
    /// vectors would wait for the stores of its words.
    #[inline]
    fn count(&self, result: Result<usize>) -> Result<usize> {
        let add = |counter: &AtomicU64, count: u64| {
            counter.store(counter.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
        };
        add(&self.calls, 1);
        let count = result?;
        add(&self.bytes, count as u64);
        Ok(count)
    }
}

impl Transfers {
    /// The sum of both.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            read_bytes: self.read_bytes.wrapping_add(other.read_bytes),
            written_bytes: self.written_bytes.wrapping_add(other.written_bytes),
            reads: self.reads.wrapping_add(other.reads),
            writes: self.writes.wrapping_add(other.writes),
        }
    }
}

impl Process {
    /// What its threads have transferred, those that have ended included.
    pub fn transfers(&self) -> Transfers {
        let ended = *self.transfers_of_ended.lock();
        self.threads.lock().values().fold(ended, |sum, thread| sum.plus(thread.io.transfers()))
    }
}
