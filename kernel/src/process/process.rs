//! A process: threads and what they share.

use super::credentials::Credentials;
use super::dispositions::{PresentDispositions, ProcessDispositions};
use super::exit::TermStatus;
use super::ids::Id;
use super::io_counters::Transfers;
use super::job::JobControl;
use super::limits::Limits;
use super::strings::Strings;
use super::table;
use super::terminal::Terminal;
use super::thread::{Thread, Tid};
use super::usage::UsageTotals;
use super::vfork::VforkGate;
use crate::events::Notifier;
use crate::fs::Dentry;
use crate::loader::Known;
use crate::mm::{self, Memory, MemoryUse};
use crate::prelude::*;
use crate::signal::{Dispositions, ProcessSignals};
use crate::time::timers::ProcessTimers;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use core::time::Duration;
use frame::ocall::time::{Clock, now};
use frame::patcher::Patcher;
use frame::sync::WaitQueue;

/// A process: live with threads, or a zombie with its [`TermStatus`] until its parent has looked.
pub struct Process {
    pub(super) id: Arc<Id>,
    /// Its threads by id; empty once it is a zombie.
    pub threads: Mutex<BTreeMap<Tid, Arc<Thread>>>,
    /// Its memory; replaced by `execve`.
    pub memory: RwLock<MemoryUse>,
    /// The program it runs; replaced by `execve`.
    pub program: RwLock<Arc<Program>>,
    /// Its signal dispositions; shared by `CLONE_SIGHAND`, until `execve`.
    pub(super) dispositions: ProcessDispositions,
    /// Signals for the process as a whole.
    pub signals: ProcessSignals,
    /// Its resource limits.
    pub limits: Mutex<Limits>,
    /// Its interval timers and POSIX timers.
    pub timers: ProcessTimers,
    /// How it ended, or is ending; set once.
    pub term_status: Mutex<Option<TermStatus>>,
    /// It is ending: each thread ends at its next way out.
    pub(super) is_ending: AtomicBool,
    /// All of its threads have ended.
    pub(super) is_zombie: AtomicBool,
    /// The thread that is replacing the program and ends the others.
    pub(super) execing: Mutex<Option<Tid>>,
    /// Threads that wait for others of the process to end (`execve`).
    pub(super) thread_ended: WaitQueue,
    /// Threads that wait for a change of a child (`wait4`).
    pub(super) child_changed: WaitQueue,
    /// Those who wait for its end by a descriptor.
    pub(super) ended: Notifier,
    /// The thread that waits for this child of `vfork` to run a program or to end.
    pub(super) vfork: VforkGate,
    /// Whether it is stopped, and what its parent hasn't been told of.
    pub job: JobControl,
    /// What ended threads have read and written.
    pub(super) transfers_of_ended: Mutex<Transfers>,
    /// Who it was when its last thread ended.
    pub(super) last: Mutex<Last>,
    /// Relations to others; written under the table's lock.
    pub(super) relations: Relations,
    /// Its controlling terminal; written under the table's lock.
    pub(super) terminal: Mutex<Option<Arc<Terminal>>>,
    /// Processor time and faults of threads that have ended, and of children that were waited for.
    pub(super) usage: Mutex<UsageTotals>,
    /// When it started, on the monotonic clock.
    pub started: Duration,
    /// `PR_SET_DUMPABLE`.
    pub dumpable: AtomicU32,
    /// What a program wants to count in addition when memory is short; nothing counts it here.
    pub oom_score_adj: AtomicI32,
}

/// How a process is related to others, as ids. Only the table writes them.
#[derive(Debug, Default)]
pub(super) struct Relations {
    pub(super) parent: AtomicU32,
    /// The thread that made it: children belong to threads (`__WNOTHREAD`, `PR_SET_PDEATHSIG`).
    pub(super) parent_thread: AtomicU32,
    pub(super) group: AtomicU32,
    pub(super) session: AtomicU32,
    /// The signal that its parent gets when it ends; 0 for none.
    pub(super) exit_signal: AtomicU32,
    /// It has run a program of its own since it was made (`setpgid` refuses then).
    pub(super) has_execed: AtomicBool,
    /// It adopts the orphans among its descendants (`PR_SET_CHILD_SUBREAPER`).
    pub(super) is_subreaper: AtomicBool,
    /// One of its ancestors does, or did.
    pub(super) has_subreaper: AtomicBool,
}

/// What a process runs.
#[derive(Default)]
pub struct Program {
    /// Path of the executable.
    pub path: Vec<u8>,
    /// The executable, whatever its name stands for now (`/proc/PID/exe`).
    pub file: Option<Arc<Dentry>>,
    /// Its arguments, as in `/proc/PID/cmdline`.
    pub args: Strings,
    /// Its initial environment, as in `/proc/PID/environ`.
    pub env: Strings,
    /// The auxiliary vector, as in `/proc/PID/auxv`.
    pub auxv: Vec<[u64; 2]>,
    /// The initial stack pointer.
    pub stack_start: usize,
    /// What the loader knows of it.
    pub(super) known: Option<Arc<Known>>,
}

/// What is known of a zombie.
#[derive(Debug, Default)]
pub(super) struct Last {
    pub(super) credentials: Option<Arc<Credentials>>,
    pub(super) name: Vec<u8>,
}

/// What a new process starts with, beside what its threads bring along.
pub(super) struct Origin {
    pub(super) id: Arc<Id>,
    pub(super) memory: MemoryUse,
    pub(super) program: Arc<Program>,
    pub(super) dispositions: Arc<Mutex<Dispositions>>,
    pub(super) limits: Limits,
    pub(super) dumpable: u32,
}

impl Process {
    /// A process without threads that isn't in the table yet.
    pub(super) fn new(origin: Origin) -> Arc<Self> {
        Arc::new(Self {
            id: origin.id,
            threads: Mutex::new(BTreeMap::new()),
            memory: RwLock::new(origin.memory),
            program: RwLock::new(origin.program),
            dispositions: ProcessDispositions::new(origin.dispositions),
            signals: ProcessSignals::default(),
            limits: Mutex::new(origin.limits),
            timers: ProcessTimers::default(),
            term_status: Mutex::new(None),
            is_ending: AtomicBool::new(false),
            is_zombie: AtomicBool::new(false),
            execing: Mutex::new(None),
            thread_ended: WaitQueue::new(),
            child_changed: WaitQueue::new(),
            ended: Notifier::new(),
            vfork: VforkGate::default(),
            job: JobControl::default(),
            transfers_of_ended: Mutex::default(),
            last: Mutex::default(),
            relations: Relations::default(),
            terminal: Mutex::default(),
            usage: Mutex::default(),
            started: now(Clock::Monotonic),
            dumpable: AtomicU32::new(origin.dumpable),
            oom_score_adj: AtomicI32::new(0),
        })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.id.get()
    }

    /// Its parent's process id; 0 for the init process.
    pub fn ppid(&self) -> u32 {
        self.relations.parent.load(Ordering::Relaxed)
    }

    /// Its process group's id.
    pub fn group(&self) -> u32 {
        self.relations.group.load(Ordering::Relaxed)
    }

    /// The signal that its parent gets when it ends; 0 for none.
    pub fn exit_signal(&self) -> u32 {
        self.relations.exit_signal.load(Ordering::Relaxed)
    }

    /// Its session's id.
    pub fn session(&self) -> u32 {
        self.relations.session.load(Ordering::Relaxed)
    }

    /// Whether its children have an ancestor that adopts orphans, or did.
    pub(super) fn has_subreaper_for_children(&self) -> bool {
        self.is_subreaper() || self.relations.has_subreaper.load(Ordering::Relaxed)
    }

    /// Whether it adopts the orphans among its descendants (`PR_SET_CHILD_SUBREAPER`).
    pub fn is_subreaper(&self) -> bool {
        self.relations.is_subreaper.load(Ordering::Relaxed)
    }

    /// Has it adopt the orphans among its descendants from now on, or no longer.
    pub fn set_subreaper(&self, adopts: bool) {
        table::set_subreaper(self, adopts);
    }

    /// Its controlling terminal.
    pub fn terminal(&self) -> Option<Arc<Terminal>> {
        self.terminal.lock().clone()
    }

    /// Its memory at present.
    pub fn memory(&self) -> Arc<Memory> {
        // Also by who reads another process's: nobody waits for a second one while writing.
        self.memory.read_nested().memory().clone()
    }

    /// As [`memory`](Self::memory), under any lock: nothing while it is just being replaced.
    pub(super) fn try_memory(&self) -> Option<Arc<Memory>> {
        Some(self.memory.try_read()?.memory().clone())
    }

    /// Looks into its patched system calls, briefly.
    pub fn with_patcher<R>(&self, look: impl FnOnce(&Patcher) -> R) -> R {
        look(self.memory.read().patcher())
    }

    /// Sees to files that were shortened from other address spaces, in the calling thread's own one.
    pub(super) fn see_to_file_ends(&self) {
        if !mm::may_have_ends() {
            return;
        }
        let memory = {
            let memory = self.memory.read();
            memory.has_file_ends().then(|| memory.memory().clone())
        };
        if let Some(memory) = memory {
            memory.see_to_file_ends();
        }
    }

    /// Gives it another part in a memory; gives the one that it had, to be given up when no lock is held.
    pub(super) fn replace_memory(&self, memory: MemoryUse) -> MemoryUse {
        core::mem::replace(&mut *self.memory.write(), memory)
    }

    /// Its signal dispositions at present.
    #[inline]
    pub fn dispositions(&self) -> PresentDispositions<'_> {
        self.dispositions.present()
    }

    /// Its signal dispositions, no longer shared with another process.
    pub fn unshare_dispositions(&self) -> Arc<Mutex<Dispositions>> {
        self.dispositions.unshare()
    }

    /// Its first thread, or another one if that has ended; nothing for a zombie.
    pub fn any_thread(&self) -> Option<Arc<Thread>> {
        let threads = self.threads.lock();
        threads.get(&self.pid()).or_else(|| threads.values().next()).cloned()
    }

    /// Who it acts as, or did last.
    pub fn credentials(&self) -> Option<Arc<Credentials>> {
        match self.any_thread() {
            Some(thread) => Some(thread.credentials()),
            None => self.last.lock().credentials.clone(),
        }
    }

    /// Its real user id.
    pub fn uid(&self) -> u32 {
        self.credentials().map_or(0, |credentials| credentials.ruid)
    }

    /// Its first thread's name, or what that was last.
    pub fn name(&self) -> Vec<u8> {
        match self.any_thread() {
            Some(thread) => thread.name.lock().clone(),
            None => self.last.lock().name.clone(),
        }
    }

    /// Whether it is ending.
    pub fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::SeqCst)
    }

    /// How it ended, once it has.
    pub fn zombie_status(&self) -> Option<TermStatus> {
        if self.is_zombie.load(Ordering::SeqCst) { *self.term_status.lock() } else { None }
    }
}
