//! Locks and waiting.
//!
//! All of them work across the host processes of one LibOS: their words lie in the arena and the host's futexes on them
//! are shared ones.
//!
//! - [`Mutex`] and [`RwLock`] protect state of the LibOS. They are held for short times, never across [`Waiter::wait`]
//!   nor across a blocking OCall. Builds with debug assertions check in which order they're taken, and that nothing
//!   is held across a wait ([`order`]); ARCHITECTURE.md has the order.
//! - [`ThreadCell`] keeps what one thread alone uses.
//! - [`Waiter`] is the one place where a thread of the LibOS goes to sleep; a [`WaitQueue`] keeps those that wait for
//!   the same thing.

use crate::thread::{HeldLock, Hold};

mod futex;
mod mutex;
#[cfg(debug_assertions)]
mod order;
mod patience;
mod rwlock;
mod thread_cell;
mod wait_queue;
mod waiter;
mod word;

pub use mutex::{Mutex, MutexGuard, RawMutex};
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use spin::Once;
pub use thread_cell::ThreadCell;
pub use wait_queue::WaitQueue;
pub use waiter::{Deadline, WaitError, Waiter};

/// Gives up a lock that a dead thread held.
///
/// # Safety
/// The thread held it, so its word is still there.
pub(crate) unsafe fn unlock_for_dead(lock: HeldLock) {
    let (word, hold) = lock.parts();
    // SAFETY: the caller's.
    let word = || unsafe { &*word };
    match hold {
        Hold::Mutex => mutex::unlock_for_dead(word()),
        Hold::Reader => rwlock::unlock_shared_for_dead(word()),
        Hold::Writer => rwlock::unlock_exclusive_for_dead(word()),
        Hold::Work => {}
    }
}

pub(crate) use futex::{wait_while, wait_while_at_most, wake_all};
#[cfg(debug_assertions)]
pub(crate) use order::{HeldLocks, assert_nothing_held};
#[cfg(debug_assertions)]
pub use order::{LockClass, declare_order};
pub use word::try_update;
pub(crate) use word::{share_words, swap};
