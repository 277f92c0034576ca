//! Host processes as places that tasks of others can move to, and their threads without work.

use super::block::{Arrival, BlockRef, Role, ThreadBlock, renew};
use super::current::current_process;
use super::handle::Handle;
use super::pool::POOL;
use super::start::own_schedule;
use super::task::Task;
use crate::context::UserContext;
use crate::host_process::{self, HostProcess};
use crate::schedule::Schedule;
use crate::sync::Waiter;
use alloc::sync::Arc;
use core::sync::atomic::Ordering;

/// A host process, as a place for tasks.
#[derive(Clone)]
pub struct Home(Arc<HostProcess>);

impl Home {
    /// The calling thread's host process.
    pub fn current() -> Self {
        Self(current_process())
    }

    /// The first host process, if there are others.
    pub fn first() -> Option<Self> {
        host_process::first().map(Self)
    }

    /// Whether it's the first host process.
    pub fn is_first(&self) -> bool {
        host_process::first().is_none_or(|first| Arc::ptr_eq(&first, &self.0))
    }

    /// Whether the host process has ended, or its last thread is about to.
    pub fn is_gone(&self) -> bool {
        self.0.threads.load(Ordering::SeqCst) == 0
    }

    /// Takes one of its threads that have no work, for a task of the calling thread, if there's one that is scheduled as
    /// the task is.
    pub fn reserve(&self) -> Option<IdleThread> {
        match own_schedule().as_deref() {
            None | Some(Schedule::AsLaunched) => IdleThread::take(&self.0),
            Some(Schedule::Changed | Schedule::Ended) => None,
        }
    }

    /// As [`reserve`](Self::reserve) in the first host process; if there's none, the next one to ask will probably find one.
    pub fn reserve_in_first() -> Option<IdleThread> {
        let first = Self::first()?;
        let found = first.reserve();
        if found.is_none() {
            host_process::ask_for_thread();
        }
        found
    }

    /// Whether the calling thread is one of the first host process, while there are others, that is scheduled as any: its
    /// host thread may carry what moves there.
    pub fn is_here_for_others() -> bool {
        Self::first().is_some()
            && host_process::is_first()
            && matches!(own_schedule().as_deref(), Some(Schedule::AsLaunched))
    }

    /// Has the host process end with the tasks that it has, at once if there are none.
    pub fn end(&self) {
        self.0.is_ending.store(true, Ordering::SeqCst);
        IdleThread::dismiss_all(&self.0);
    }
}

/// A host thread that waits for work. It ends if it doesn't get any.
pub struct IdleThread {
    /// Taken out of the pool: nobody else's, until the waiter is woken.
    block: BlockRef,
    /// What the thread waits with; the block gets another one with its work.
    waiter: Option<Arc<Waiter>>,
}

impl IdleThread {
    /// Takes a thread of `process` out of the pool.
    pub(super) fn take(process: &Arc<HostProcess>) -> Option<Self> {
        let block = {
            let mut pool = POOL.lock();
            let index = pool.idle.iter().rposition(|block| block.is_idle_in(process))?;
            pool.idle.swap_remove(index)
        };
        let mut thread = Self { block, waiter: None };
        thread.waiter = Some(thread.block().handle.waiter.clone());
        thread.block().is_taken.store(true, Ordering::SeqCst);
        Some(thread)
    }

    /// Has the threads of a host process that have no work end.
    pub(super) fn dismiss_all(process: &Arc<HostProcess>) {
        while Self::take(process).is_some() {}
    }

    /// Has the thread run the program from `ctx` on, after it has done `arrival`; as [`spawn`](super::spawn) otherwise.
    pub fn start(
        self,
        task: Arc<dyn Task>,
        ctx: &mut UserContext,
        fs_base: u64,
        announce: impl FnOnce(Handle),
        arrival: Arrival,
    ) {
        self.set_off(Role::Task(task), |block| {
            block.ctx.copy_from(ctx);
            block.fs_base = fs_base;
            block.arrival = Some(arrival);
            announce(Handle(block.handle.clone()));
        });
    }

    /// Whether it's a thread of the same host process as this one.
    pub fn is_beside(&mut self, other: &Handle) -> bool {
        Arc::ptr_eq(&self.block().handle.process, &other.0.process)
    }

    /// Lets the thread wait on: there's no work for it after all.
    pub fn put_back(mut self) {
        let process = self.block().handle.process.clone();
        let host_pid = self.block().host_pid.load(Ordering::SeqCst);
        self.waiter = None;
        self.block().is_taken.store(false, Ordering::SeqCst);
        POOL.lock().idle.push(self.block);
        core::mem::forget(self);
        if process.is_dead.load(Ordering::SeqCst) {
            // As if it had been dropped.
            host_process::look_again(host_pid, &process);
        }
    }

    /// Gives the thread its work.
    pub(super) fn set_off(mut self, role: Role, prepare: impl FnOnce(&mut ThreadBlock)) {
        let block = self.block();
        let process = block.handle.process.clone();
        renew(block, role, process);
        prepare(block);
    }

    fn block(&mut self) -> &mut ThreadBlock {
        // SAFETY: ours alone, as the field says; blocks are never unmapped.
        unsafe { &mut *self.block.0 }
    }
}

impl Drop for IdleThread {
    fn drop(&mut self) {
        let process = self.block().handle.process.clone();
        let host_pid = self.block().host_pid.load(Ordering::SeqCst);
        self.block().is_taken.store(false, Ordering::SeqCst);
        // From here on it's the thread's own.
        self.block().ready.store(true, Ordering::Release);
        if let Some(waiter) = &self.waiter {
            waiter.wake();
        }
        if process.is_dead.load(Ordering::SeqCst) {
            // Who has seen to the others that died has left it to us.
            host_process::look_again(host_pid, &process);
        }
    }
}
