//! Host threads without work, which are kept for a while.

use super::block::{BlockRef, Role, ThreadBlock};
use crate::ocall::process::Rusage;
use crate::sync::{Deadline, Mutex};
use crate::trap;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;
use core::time::Duration;

/// How many host threads without work are kept per host process.
pub(super) const MAX_IDLE: usize = 16;

/// How long a host thread without work stays.
pub(super) const IDLE_TIME: Duration = Duration::from_secs(5);

/// Host threads without work, and blocks whose host thread is ending.
pub(super) struct Pool {
    pub(super) idle: Vec<BlockRef>,
    pub(super) ended: Vec<BlockRef>,
}

pub(super) static POOL: Mutex<Pool> = Mutex::new(Pool { idle: Vec::new(), ended: Vec::new() });

pub(super) fn reuse_ended() -> Option<*mut ThreadBlock> {
    let block = {
        let mut pool = POOL.lock();
        // SAFETY: blocks are never unmapped, and the field is atomic.
        let index = pool.ended.iter().position(|block| unsafe { (*block.0).host_tid.load(Ordering::SeqCst) } == 0)?;
        pool.ended.swap_remove(index).0
    };
    // SAFETY: out of the pool, and its host thread is gone: it's ours. The next host thread starts from nothing.
    unsafe {
        (*block).usage_base = Rusage::default();
        // Or it would look as if it had died with its last host process.
        (*block).host_pid.store(0, Ordering::SeqCst);
        // What that was doing when it was killed is none of the next one's business.
        (*block).sleeper.store(0, Ordering::SeqCst);
        (*block).hold_nothing();
        (*block).starting = None;
    }
    Some(block)
}

/// Waits for other work. Gives whether it came: if not, the host thread ends.
pub(super) fn wait_for_work(block: &mut ThreadBlock) -> bool {
    let waiter = block.handle.waiter.clone();
    let this = BlockRef(core::ptr::from_mut(block));
    {
        let mut pool = POOL.lock();
        if pool.idle.iter().filter(|other| other.is_idle_in(&block.handle.process)).count() >= MAX_IDLE {
            return false;
        }
        pool.idle.push(this);
    }
    let mut deadline = Some(Deadline::after(IDLE_TIME));
    // A wake-up may be a late one; what counts is whether the work is there.
    while !block.ready.swap(false, Ordering::Acquire) {
        let outcome = waiter.wait_uninterruptible(deadline);
        trap::take_host_signals();
        if outcome.is_err() {
            let mut pool = POOL.lock();
            if let Some(index) = pool.idle.iter().position(|other| *other == this) {
                pool.idle.swap_remove(index);
                return false;
            }
            // Somebody took us out of the pool: the work is on its way, or they put us back.
            deadline = Some(Deadline::after(IDLE_TIME));
        }
    }
    // Who dismisses us gives none.
    !matches!(block.role, Role::Idle)
}
