//! How others reach a thread.

use super::block::ThreadBlock;
use super::current::{current, current_block};
use super::lend::move_lenders;
use crate::errno::{Errno, Result};
use crate::host_process::HostProcess;
use crate::ocall;
use crate::ocall::process::Rusage;
use crate::ocall::thread::Activity;
use crate::schedule::Schedule;
use crate::sync::{Mutex, Waiter};
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

/// What others know of a thread.
pub(super) struct Shared {
    pub(super) waiter: Arc<Waiter>,
    pub(super) block: *const ThreadBlock,
    pub(super) process: Arc<HostProcess>,
    /// How many tasks have lent the host thread to others, down to the present one.
    pub(super) lenders: AtomicU32,
    /// How many of these needn't wait.
    pub(super) free_lenders: AtomicU32,
    /// Held while the host thread starts or ends, and while somebody changes how it's scheduled.
    pub(super) schedule: Mutex<Schedule>,
}

impl Shared {
    pub(super) fn new(block: *const ThreadBlock, process: Arc<HostProcess>) -> Arc<Self> {
        let (waiter, schedule) = (Arc::new(Waiter::default()), Mutex::new(Schedule::AsLaunched));
        let (lenders, free_lenders) = (AtomicU32::new(0), AtomicU32::new(0));
        Arc::new(Self { waiter, block, process, lenders, free_lenders, schedule })
    }
}

// SAFETY: only the atomic fields of the block are reached through the pointer, and blocks are never unmapped.
unsafe impl Send for Shared {}

// SAFETY: as above.
unsafe impl Sync for Shared {}

/// A way to reach a thread from others.
#[derive(Clone)]
pub struct Handle(pub(super) Arc<Shared>);

impl core::fmt::Debug for Handle {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Handle({:p})", self.0.block)
    }
}

impl Handle {
    /// Makes the thread look after signals soon: at the latest before it goes on in the program; a wait ends.
    ///
    /// If the thread has ended meanwhile, another one that uses its place looks once for nothing.
    pub fn interrupt(&self) {
        let shared = &*self.0;
        // SAFETY: blocks are never unmapped, and the fields are atomic.
        let (pending, tid) = unsafe { (&(*shared.block).pending, &(*shared.block).host_tid) };
        if shared.block == current_block() {
            // It looks before it waits, and on its way out.
            pending.store(1, Ordering::Relaxed);
            return;
        }
        let was_wanted = pending.swap(1, Ordering::SeqCst) != 0;
        let has_signal = shared.waiter.wake_wanted();
        // Whoever wanted it before has interrupted it, or it's on its way out. The host queues each wake-up of its own,
        // and stacks the frames of all that are queued: a storm of them would overflow the LibOS stack.
        if was_wanted || has_signal {
            return;
        }
        let tid = tid.load(Ordering::SeqCst);
        if tid != 0 {
            ocall::thread::interrupt(shared.process.pid(), tid);
        }
    }

    /// Does `work` with the host's id of the thread, which doesn't end meanwhile.
    pub(crate) fn with_host_tid<R>(&self, work: impl FnOnce(u32) -> Result<R>) -> Result<R> {
        let schedule = self.0.schedule.lock();
        if *schedule == Schedule::Ended {
            return Err(Errno::ESRCH.into());
        }
        work(self.host_tid())
    }

    /// As [`with_host_tid`](Self::with_host_tid), for work that changes how the thread is scheduled.
    pub(crate) fn change_schedule(&self, work: impl FnOnce(u32) -> Result<()>) -> Result<()> {
        if self.0.block == current_block() {
            // It's the task's own affair, not that of those whose host thread it uses.
            move_lenders()?;
        }
        let mut schedule = self.0.schedule.lock();
        if *schedule == Schedule::Ended {
            return Err(Errno::ESRCH.into());
        }
        *schedule = Schedule::Changed;
        work(self.host_tid())
    }

    /// The host's id of the thread, for OCalls about it; no identity of the LibOS.
    pub fn host_tid(&self) -> u32 {
        // SAFETY: as in `interrupt`.
        unsafe { &(*self.0.block).host_tid }.load(Ordering::SeqCst)
    }

    /// The host's id of the thread's process, for OCalls about its memory.
    pub fn host_pid(&self) -> u32 {
        self.0.process.pid()
    }

    /// The processor time that the thread's task has used; nothing if the thread is gone. Cheaper for a thread of the
    /// calling host process.
    pub fn cpu_time(&self) -> Option<Duration> {
        let tid = self.host_tid();
        let total = ocall::time::thread_cpu(tid).or_else(|| ocall::thread::run_time(self.0.process.pid(), tid))?;
        Some(total.saturating_sub(self.usage_base().cpu_time()))
    }

    /// What the thread does, and what its task has used, its times in hundredths of a second; nothing if the thread is
    /// gone.
    pub fn activity(&self) -> Option<Activity> {
        let activity = ocall::thread::activity(self.0.process.pid(), self.host_tid())?;
        Some(Activity { usage: activity.usage.since(&self.usage_base()), ..activity })
    }

    /// What the host thread had used when its task started.
    fn usage_base(&self) -> Rusage {
        // SAFETY: blocks are never unmapped; a value that is just being replaced is off by no more than a task's.
        unsafe { (&raw const (*self.0.block).usage_base).read_volatile() }
    }

    /// The thread's waiter.
    pub fn waiter(&self) -> &Arc<Waiter> {
        &self.0.waiter
    }
}

/// Does `work`, which changes how the calling thread is scheduled.
pub(crate) fn change_own_schedule(work: impl FnOnce()) {
    if let Err(error) = move_lenders() {
        log::warn!("a thread is scheduled as the child that it waits for: {error}");
    }
    if let Some(block) = current() {
        *block.handle.schedule.lock() = Schedule::Changed;
    }
    work();
}
