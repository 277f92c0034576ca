//! A mutex on a shared futex.

use super::futex;
#[cfg(debug_assertions)]
use super::order;
use super::word::Word;
use crate::thread::{self, HeldLock, Hold};
#[cfg(debug_assertions)]
use core::any::type_name;
use core::sync::atomic::{AtomicU32, Ordering};

/// Mutual exclusion among the threads of all host processes.
#[derive(Debug, Default)]
pub struct Mutex<T>(lock_api::Mutex<RawMutex, T>);

impl<T> Mutex<T> {
    /// A mutex that protects `value`.
    pub const fn new(value: T) -> Self {
        Self(lock_api::Mutex::new(value))
    }

    /// Waits until nobody else has access.
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        #[cfg(debug_assertions)]
        order::taking(self.word(), type_name::<T>());
        self.noted(self.0.lock())
    }

    /// As [`lock`](Self::lock), where locks of the class have an order of their own among themselves.
    #[inline]
    #[track_caller]
    pub fn lock_nested(&self) -> MutexGuard<'_, T> {
        #[cfg(debug_assertions)]
        order::taking_nested(self.word(), type_name::<T>());
        self.noted(self.0.lock())
    }

    /// As [`lock`](Self::lock), of what nobody else knows yet: as it doesn't wait, any lock may be held, one of the same
    /// class too.
    #[inline]
    pub fn lock_new(&self) -> MutexGuard<'_, T> {
        self.noted(self.0.lock())
    }

    /// Access, if nobody else has it. As it doesn't wait, any lock may be held.
    #[inline]
    #[track_caller]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        Some(self.noted(self.0.try_lock()?))
    }

    /// What it protects, now that nobody else can reach it.
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }

    /// What it protects, without locking it: nobody else can reach it.
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }

    /// Notes for [`order`] that the calling thread has `guard` now.
    #[inline]
    fn noted<G>(&self, guard: G) -> G {
        #[cfg(debug_assertions)]
        order::taken(self.word(), type_name::<T>());
        guard
    }

    /// The address that stands for the lock in [`order`].
    #[cfg(debug_assertions)]
    fn word(&self) -> usize {
        // SAFETY: only the address is used.
        core::ptr::from_ref(unsafe { self.0.raw() }) as usize
    }
}

/// Access to what a [`Mutex`] protects.
pub type MutexGuard<'a, T> = lock_api::MutexGuard<'a, RawMutex, T>;

const FREE: u32 = 0;
const HELD: u32 = 1;
/// Held, and somebody may sleep.
const CONTENDED: u32 = 2;

/// How often to look before sleeping: holders run for well below a microsecond.
const SPINS: u32 = 100;

/// The word of a [`Mutex`].
pub struct RawMutex(Word);

// SAFETY: `lock` returns only to the one thread that moved the word from FREE.
unsafe impl lock_api::RawMutex for RawMutex {
    const INIT: Self = Self(Word::new(FREE));
    type GuardMarker = lock_api::GuardSend;

    #[inline]
    fn lock(&self) {
        if !self.try_lock() {
            self.lock_contended();
        }
    }

    #[inline]
    fn try_lock(&self) -> bool {
        thread::hold(self.held());
        let is_free = self.0.acquire(FREE, HELD);
        if !is_free {
            thread::let_go(self.held());
        }
        is_free
    }

    #[inline]
    unsafe fn unlock(&self) {
        #[cfg(debug_assertions)]
        order::released(core::ptr::from_ref(self) as usize);
        let before = self.0.release(FREE);
        thread::let_go(self.held());
        if before == CONTENDED {
            futex::wake(self.0.futex(), 1);
        }
    }

    #[inline]
    fn is_locked(&self) -> bool {
        self.0.load() != FREE
    }
}

impl RawMutex {
    #[inline]
    fn held(&self) -> HeldLock {
        HeldLock::new(self.0.futex(), Hold::Mutex)
    }

    #[cold]
    fn lock_contended(&self) {
        for _ in 0..SPINS {
            if self.0.load() == FREE && lock_api::RawMutex::try_lock(self) {
                return;
            }
            core::hint::spin_loop();
        }
        loop {
            thread::hold(self.held());
            if self.0.futex().swap(CONTENDED, Ordering::Acquire) == FREE {
                return;
            }
            thread::let_go(self.held());
            futex::wait_for_lock(self.0.futex(), CONTENDED);
        }
    }
}

/// Gives up a mutex that a dead thread held.
pub(super) fn unlock_for_dead(word: &AtomicU32) {
    word.store(FREE, Ordering::SeqCst);
    futex::wake(word, 1);
}
