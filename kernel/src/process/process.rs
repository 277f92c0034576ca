//! A process: threads and what they share.

use super::exit::TermStatus;
use super::ids::Id;
use super::limits::Limits;
use super::thread::{Thread, Tid};
use crate::mm::Memory;
use crate::prelude::*;
use crate::signal::{Dispositions, SignalQueue};
use crate::time::timers::ProcessTimers;
use core::sync::atomic::{AtomicBool, AtomicU32};
use core::time::Duration;
use frame::sync::WaitQueue;

/// A process.
pub struct Process {
    pub(super) id: Id,
    /// Its threads by id; empty once it is a zombie.
    pub threads: Mutex<BTreeMap<Tid, Arc<Thread>>>,
    /// Its memory; replaced by `execve`.
    pub memory: RwLock<Arc<Memory>>,
    /// The program it runs; replaced by `execve`.
    pub program: RwLock<Arc<Program>>,
    /// Its signal dispositions.
    pub dispositions: Arc<Mutex<Dispositions>>,
    /// Signals for the process as a whole.
    pub signals: Mutex<SignalQueue>,
    /// Its resource limits.
    pub limits: Mutex<Limits>,
    /// Its interval timers and POSIX timers.
    pub timers: ProcessTimers,
    /// How it ended, or is ending; set once.
    pub term_status: Mutex<Option<TermStatus>>,
    /// It is ending: each thread ends at its next way out.
    pub(super) is_ending: AtomicBool,
    /// The thread that is replacing the program and ends the others.
    pub(super) execing: Mutex<Option<Tid>>,
    /// Threads that are being waited for (`execve`, `exit_group`).
    pub(super) thread_ended: WaitQueue,
    /// The process group's and session's id.
    pub group: AtomicU32,
    /// The session's id.
    pub session: AtomicU32,
    /// When it started, on the monotonic clock.
    pub started: Duration,
    /// `PR_SET_DUMPABLE`.
    pub dumpable: AtomicU32,
}

/// What a process runs.
#[derive(Debug, Default)]
pub struct Program {
    /// Path of the executable (`/proc/PID/exe`).
    pub path: Vec<u8>,
    /// Its arguments, as in `/proc/PID/cmdline`.
    pub args: Vec<Vec<u8>>,
    /// Its initial environment, as in `/proc/PID/environ`.
    pub env: Vec<Vec<u8>>,
    /// The auxiliary vector, as in `/proc/PID/auxv`.
    pub auxv: Vec<[u64; 2]>,
    /// The initial stack pointer.
    pub stack_start: usize,
}

impl Process {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.id.get()
    }

    /// Its parent's process id; 0 for the first.
    pub fn ppid(&self) -> u32 {
        0
    }

    /// Its memory at present.
    pub fn memory(&self) -> Arc<Memory> {
        self.memory.read().clone()
    }

    /// Whether it is ending.
    pub fn is_ending(&self) -> bool {
        self.is_ending.load(core::sync::atomic::Ordering::SeqCst)
    }
}
