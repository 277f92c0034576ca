//! Host processes as places that tasks of others can move to, and their threads without work.

use super::block::{Arrival, BlockRef, Role, ThreadBlock, all_blocks, renew};
use super::current::{current_block, current_process};
use super::handle::Handle;
use super::held::as_a_whole;
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
    /// Taken out of the pool: nobody else's, until the thread has it back.
    block: Option<BlockRef>,
    /// What the thread waits with, unless it waits on; the block gets another one with its work.
    waiter: Option<Arc<Waiter>>,
    process: Arc<HostProcess>,
    host_pid: u32,
}

impl IdleThread {
    /// Takes a thread of `process` out of the pool.
    pub(super) fn take(process: &Arc<HostProcess>) -> Option<Self> {
        let block = {
            let mut pool = POOL.lock();
            let index = pool.idle.iter().rposition(|block| block.is_idle_in(process))?;
            let block = pool.idle.swap_remove(index);
            block.taker().store(current_block().cast_mut(), Ordering::SeqCst);
            block
        };
        Some(Self::taken(block))
    }

    fn taken(block: BlockRef) -> Self {
        // SAFETY: whoever has taken it has it alone.
        let (handle, host_pid) = unsafe { (&(*block.0).handle, (*block.0).host_pid.load(Ordering::SeqCst)) };
        Self { block: Some(block), waiter: Some(handle.waiter.clone()), process: handle.process.clone(), host_pid }
    }

    /// Has the threads of a host process that have no work end.
    pub(super) fn dismiss_all(process: &Arc<HostProcess>) {
        while Self::take(process).is_some() {}
    }

    /// Dismisses those that were taken by threads of the host process of this id, which is dead.
    pub(super) fn dismiss_those_taken_in(host_pid: u32) {
        for block in all_blocks() {
            // SAFETY: null, or a block; these are never unmapped, and the field is atomic.
            let taker = unsafe { block.taker().load(Ordering::SeqCst).as_ref() };
            if taker.is_some_and(|taker| taker.host_pid.load(Ordering::SeqCst) == host_pid) {
                drop(Self::taken(block));
            }
        }
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
    pub fn is_beside(&self, other: &Handle) -> bool {
        Arc::ptr_eq(&self.process, &other.0.process)
    }

    /// Lets the thread wait on: there's no work for it after all.
    pub fn put_back(mut self) {
        as_a_whole(|| {
            let Some(block) = self.block.take() else { return };
            let mut pool = POOL.lock();
            block.taker().store(core::ptr::null_mut(), Ordering::SeqCst);
            pool.idle.push(block);
        });
        self.waiter = None;
    }

    /// Gives the thread its work.
    pub(super) fn set_off(mut self, role: Role, prepare: impl FnOnce(&mut ThreadBlock)) {
        as_a_whole(|| {
            if let Some(block) = self.block {
                // SAFETY: ours alone, as the field says; blocks are never unmapped.
                let block = unsafe { &mut *block.0 };
                renew(block, role, self.process.clone());
                prepare(block);
            }
            self.give_back();
        });
    }

    /// From here on the block is the thread's own.
    fn give_back(&mut self) {
        let Some(block) = self.block.take() else { return };
        block.taker().store(core::ptr::null_mut(), Ordering::SeqCst);
        // SAFETY: ours until now.
        unsafe { (*block.0).ready.store(true, Ordering::Release) };
    }
}

impl Drop for IdleThread {
    fn drop(&mut self) {
        as_a_whole(|| self.give_back());
        if let Some(waiter) = &self.waiter {
            waiter.wake();
        }
        if self.process.is_dead.load(Ordering::SeqCst) {
            // Who has seen to the others that died has left it to us.
            host_process::look_again(self.host_pid, &self.process);
        }
    }
}
