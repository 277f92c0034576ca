//! A reader-writer lock on a shared futex.

use super::futex;
#[cfg(debug_assertions)]
use super::order;
use super::word::Word;
use crate::thread::{self, HeldLock, Hold};
#[cfg(debug_assertions)]
use core::any::type_name;
use core::sync::atomic::{AtomicU32, Ordering};

/// Many readers or one writer, among the threads of all host processes.
#[derive(Debug, Default)]
pub struct RwLock<T>(lock_api::RwLock<RawRwLock, T>);

impl<T> RwLock<T> {
    /// A lock that protects `value`.
    pub const fn new(value: T) -> Self {
        Self(lock_api::RwLock::new(value))
    }

    /// Waits until nobody writes.
    #[inline]
    #[track_caller]
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        #[cfg(debug_assertions)]
        order::taking_to_read(self.word(), type_name::<T>());
        self.noted(self.0.read())
    }

    /// As [`read`](Self::read), where locks of the class have an order of their own among themselves.
    #[inline]
    #[track_caller]
    pub fn read_nested(&self) -> RwLockReadGuard<'_, T> {
        #[cfg(debug_assertions)]
        order::taking_nested_to_read(self.word(), type_name::<T>());
        self.noted(self.0.read())
    }

    /// Waits until nobody else has access.
    #[inline]
    #[track_caller]
    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        #[cfg(debug_assertions)]
        order::taking(self.word(), type_name::<T>());
        self.noted(self.0.write())
    }

    /// Shared access, if nobody writes. As it doesn't wait, any lock may be held.
    #[inline]
    #[track_caller]
    pub fn try_read(&self) -> Option<RwLockReadGuard<'_, T>> {
        Some(self.noted(self.0.try_read()?))
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

/// Shared access to what a [`RwLock`] protects.
pub type RwLockReadGuard<'a, T> = lock_api::RwLockReadGuard<'a, RawRwLock, T>;
/// Exclusive access to what a [`RwLock`] protects.
pub type RwLockWriteGuard<'a, T> = lock_api::RwLockWriteGuard<'a, RawRwLock, T>;

const WRITER: u32 = 1 << 31;
/// Somebody may sleep on the word.
const WAITERS: u32 = 1 << 30;
const READERS: u32 = WAITERS - 1;

/// The word of a [`RwLock`]: the number of readers, or [`WRITER`].
pub struct RawRwLock(Word);

// SAFETY: a writer is admitted only when there are neither readers nor a writer, a reader only when there's no writer.
unsafe impl lock_api::RawRwLock for RawRwLock {
    const INIT: Self = Self(Word::new(0));
    type GuardMarker = lock_api::GuardSend;

    #[inline]
    fn lock_shared(&self) {
        while !self.try_lock_shared() {
            self.sleep(|word| word & WRITER != 0);
        }
    }

    #[inline]
    fn try_lock_shared(&self) -> bool {
        thread::hold(self.held(Hold::Reader));
        let is_free = self.0.acquire_by(|word| (word & WRITER == 0).then_some(word + 1));
        if !is_free {
            thread::let_go(self.held(Hold::Reader));
        }
        is_free
    }

    #[inline]
    unsafe fn unlock_shared(&self) {
        #[cfg(debug_assertions)]
        order::released(core::ptr::from_ref(self) as usize);
        let before = self.0.release_one();
        thread::let_go(self.held(Hold::Reader));
        if before & WAITERS != 0 && before & READERS == 1 {
            wake(self.0.futex());
        }
    }

    #[inline]
    fn lock_exclusive(&self) {
        while !self.try_lock_exclusive() {
            self.sleep(|word| word & (WRITER | READERS) != 0);
        }
    }

    #[inline]
    fn try_lock_exclusive(&self) -> bool {
        thread::hold(self.held(Hold::Writer));
        let admit = |word: u32| (word & (WRITER | READERS) == 0).then_some(word | WRITER);
        let is_free = self.0.acquire_by(admit);
        if !is_free {
            thread::let_go(self.held(Hold::Writer));
        }
        is_free
    }

    #[inline]
    unsafe fn unlock_exclusive(&self) {
        #[cfg(debug_assertions)]
        order::released(core::ptr::from_ref(self) as usize);
        let before = self.0.release_bits(WRITER);
        thread::let_go(self.held(Hold::Writer));
        if before & WAITERS != 0 {
            wake(self.0.futex());
        }
    }
}

impl RawRwLock {
    #[inline]
    fn held(&self, hold: Hold) -> HeldLock {
        HeldLock::new(self.0.futex(), hold)
    }

    #[cold]
    fn sleep(&self, taken: impl Fn(u32) -> bool) {
        for _ in 0..100 {
            if !taken(self.0.load()) {
                return;
            }
            core::hint::spin_loop();
        }
        let word = self.0.load();
        if taken(word)
            && (word & WAITERS != 0
                || self.0.futex().compare_exchange(word, word | WAITERS, Ordering::Relaxed, Ordering::Relaxed).is_ok())
        {
            futex::wait_for_lock(self.0.futex(), word | WAITERS);
        }
    }
}

#[cold]
fn wake(word: &AtomicU32) {
    word.fetch_and(!WAITERS, Ordering::Relaxed);
    futex::wake(word, i32::MAX as u32);
}

/// Gives up what a dead thread read.
pub(super) fn unlock_shared_for_dead(word: &AtomicU32) {
    word.fetch_sub(1, Ordering::SeqCst);
    wake(word);
}

/// Gives up what a dead thread wrote.
pub(super) fn unlock_exclusive_for_dead(word: &AtomicU32) {
    word.fetch_and(!WRITER, Ordering::SeqCst);
    wake(word);
}
