//! What is left of threads whose host process was killed ([`crate::death`]).

use super::block::{BlockRef, NOT_STARTED, Role, ThreadBlock, all_blocks, is_starting};
use super::home::IdleThread;
use super::lend::change_over_for_dead;
use super::pool::POOL;
use super::task::Task;
use crate::host_process::HostProcess;
use crate::ocall;
use crate::trap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem::offset_of;
use core::sync::atomic::Ordering;

/// Offset of where the assembly notes the stack of a thread that sleeps.
pub(crate) const SLEEPER_SLOT: usize = offset_of!(ThreadBlock, sleeper);

impl ThreadBlock {
    /// What a new host thread does first, when its host process's id is noted.
    pub(crate) fn prepare_host_thread(&mut self) {
        trap::prepare_thread(self.stack_bottom, self.stack_top - self.stack_bottom);
        // SAFETY: blocks are never unmapped.
        unsafe { ocall::thread::announce_death(&raw mut self.robust_list) };
    }

    /// Its host thread is dead: nothing that it was about to do is done. Gives the tasks that it had.
    pub(crate) fn tasks_of_dead(&mut self) -> Vec<Arc<dyn Task>> {
        self.hold_nothing();
        self.pending.store(1, Ordering::SeqCst);
        change_over_for_dead(self);
        let process = self.handle.process.clone();
        if let Role::Carrier(carrier) = self.role {
            // It would have gone on elsewhere; now it ends.
            drop(process.lenders.take_leaving(carrier, self));
        }
        self.arrival = None;
        let own = match &self.role {
            Role::Task(task) => Some(task.clone()),
            Role::Service(_) | Role::Carrier(_) | Role::Watcher | Role::Idle => None,
        };
        process.lenders.tasks_of(&self.handle).into_iter().chain(own).collect()
    }
}

/// What became of a host process that a dead thread was about to start.
pub(crate) enum Start {
    /// It was started, with this id.
    Done(u32, Arc<HostProcess>),
    /// It wasn't; this would have been the block of its first thread.
    Undone(BlockRef, Arc<HostProcess>),
}

impl ThreadBlock {
    /// What became of the host process that its dead host thread was about to start, if it was.
    pub(crate) fn start_by_dead(&mut self) -> Option<Start> {
        let (block, process) = self.starting.take()?;
        if process.is_listed() {
            // What has become of it is seen to; others may use the block.
            return None;
        }
        // SAFETY: blocks are never unmapped, and the fields are atomic.
        let (tid, host_pid) = unsafe { (&(*block.0).host_tid, &(*block.0).host_pid) };
        let tid = tid.load(Ordering::SeqCst);
        // Until somebody lists it, the block is its own.
        match (process.pid(), tid) {
            (0, NOT_STARTED) => Some(Start::Undone(block, process)),
            (0, 0) => None,
            (0, pid) => {
                let known = host_pid.load(Ordering::SeqCst);
                if is_starting(known) {
                    // It may have died before it said so itself.
                    let _ = host_pid.compare_exchange(known, pid, Ordering::SeqCst, Ordering::SeqCst);
                }
                Some(Start::Done(pid, process))
            }
            (pid, _) => Some(Start::Done(pid, process)),
        }
    }
}

/// A host process that died while one of its threads changed what all share, if there's one. Takes no lock and allocates
/// nothing.
pub(crate) fn find_dead_holder() -> Option<u32> {
    all_blocks().find_map(|block| {
        // SAFETY: blocks are never unmapped, and the fields are atomic.
        let block = unsafe { &*block.0 };
        let (pid, tid) = (block.host_pid.load(Ordering::SeqCst), block.host_tid.load(Ordering::SeqCst));
        let holds = || block.locks_of_dead().is_none();
        let is_dead = || pid != 0 && !is_starting(pid) && tid != 0 && !ocall::process::is_there(pid);
        // The other way round, it may have changed what it holds before it died.
        (holds() && is_dead() && holds()).then_some(pid)
    })
}

/// The blocks whose host threads have died with the host process of this id, but for those that had no work, and those that
/// others are about to give some.
pub(crate) fn take_dead(host_pid: u32) -> Vec<BlockRef> {
    IdleThread::dismiss_those_taken_in(host_pid);
    // SAFETY: blocks are never unmapped, and the fields are atomic.
    let ids = |block: &BlockRef| unsafe { (&(*block.0).host_pid, &(*block.0).host_tid) };
    let is_its = |block: &BlockRef| ids(block).0.load(Ordering::SeqCst) == host_pid;
    let mut pool = POOL.lock();
    let (mut idle, others): (Vec<_>, Vec<_>) = pool.idle.drain(..).partition(is_its);
    pool.idle = others;
    pool.ended.append(&mut idle);
    for block in pool.ended.iter().filter(|block| is_its(block)) {
        ids(block).1.store(0, Ordering::SeqCst);
    }
    drop(pool);
    let is_taken = |block: &BlockRef| !block.taker().load(Ordering::SeqCst).is_null();
    let is_dead = |block: &BlockRef| is_its(block) && ids(block).1.load(Ordering::SeqCst) != 0 && !is_taken(block);
    all_blocks().filter(is_dead).collect()
}

/// Has all threads look again at what they wait for: one that was killed may have been about to wake them.
pub(crate) fn wake_all() {
    for block in all_blocks() {
        // SAFETY: blocks are never unmapped, and the fields are atomic.
        let block = unsafe { &*block.0 };
        let (pid, tid) = (block.host_pid.load(Ordering::SeqCst), block.host_tid.load(Ordering::SeqCst));
        let runs = tid > NOT_STARTED && pid != 0 && !is_starting(pid);
        // Whoever wanted it before has interrupted it.
        if runs && block.pending.swap(1, Ordering::SeqCst) == 0 {
            ocall::thread::interrupt(pid, tid);
        }
    }
}
