//! Threads that wait for the same thing.

use super::{Deadline, Mutex, WaitError, Waiter};
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicUsize, Ordering};

/// A queue of threads that wait for a condition.
#[derive(Debug, Default)]
pub struct WaitQueue {
    waiters: Mutex<VecDeque<Arc<Waiter>>>,
    /// Length of the queue, so that waking nobody costs one load.
    len: AtomicUsize,
}

impl WaitQueue {
    /// An empty queue.
    pub const fn new() -> Self {
        Self { waiters: Mutex::new(VecDeque::new()), len: AtomicUsize::new(0) }
    }

    /// Waits until `condition` gives something.
    ///
    /// # Errors
    /// [`WaitError::TimedOut`] after `deadline`, [`WaitError::Interrupted`] when the thread is wanted.
    pub fn wait_until<R>(
        &self,
        deadline: Option<Deadline>,
        mut condition: impl FnMut() -> Option<R>,
    ) -> Result<R, WaitError> {
        if let Some(result) = condition() {
            return Ok(result);
        }
        let waiter = Waiter::current();
        loop {
            // Queued before the look, so that a change after it finds us.
            self.enqueue(&waiter);
            let result = condition();
            let outcome = match result {
                Some(result) => Some(Ok(result)),
                None => waiter.wait_soon(deadline).err().map(Err),
            };
            let was_woken = !self.dequeue(&waiter);
            match outcome {
                None => {
                    if let Some(result) = condition() {
                        return Ok(result);
                    }
                }
                Some(outcome) => {
                    if was_woken && outcome.is_err() {
                        // The wake-up was meant for somebody who uses it.
                        if let Some(result) = condition() {
                            return Ok(result);
                        }
                        self.wake_one();
                    }
                    return outcome;
                }
            }
        }
    }

    /// Wakes the one that has waited longest; all if that may have been killed meanwhile.
    pub fn wake_one(&self) {
        if crate::death::has_happened() {
            self.wake_all();
        } else if self.len.load(Ordering::SeqCst) > 0 {
            let waiter = {
                let mut waiters = self.waiters.lock();
                let waiter = waiters.pop_front();
                self.len.store(waiters.len(), Ordering::SeqCst);
                waiter
            };
            if let Some(waiter) = waiter {
                waiter.wake();
            }
        }
    }

    /// Wakes all.
    pub fn wake_all(&self) {
        if self.len.load(Ordering::SeqCst) > 0 {
            let waiters = {
                let mut waiters = self.waiters.lock();
                self.len.store(0, Ordering::SeqCst);
                core::mem::take(&mut *waiters)
            };
            for waiter in waiters {
                waiter.wake();
            }
        }
    }

    fn enqueue(&self, waiter: &Arc<Waiter>) {
        let mut waiters = self.waiters.lock();
        waiters.push_back(waiter.clone());
        self.len.store(waiters.len(), Ordering::SeqCst);
        // Pairs with the load in `wake_*`: either it sees us, or we see the change it announces.
        core::sync::atomic::fence(Ordering::SeqCst);
    }

    /// Takes `waiter` out; whether it was still there.
    fn dequeue(&self, waiter: &Arc<Waiter>) -> bool {
        if self.len.load(Ordering::SeqCst) == 0 {
            return false;
        }
        let mut waiters = self.waiters.lock();
        let before = waiters.len();
        waiters.retain(|other| !Arc::ptr_eq(other, waiter));
        self.len.store(waiters.len(), Ordering::SeqCst);
        waiters.len() < before
    }
}
