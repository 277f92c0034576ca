//! The words of locks, and others that change as often.
//!
//! An atomic read-modify-write operation costs some twenty cycles even when no other thread uses the word, and a system
//! call takes several locks. As long as the LibOS has a single host thread, as it has for many programs from start to end,
//! plain loads and stores do the same: nobody else can come between. A handler of that thread may, but it starts no
//! thread, and gives back what it takes.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// Whether the LibOS has one host thread so far. Unit tests have several.
static IS_ALONE: AtomicBool = AtomicBool::new(cfg!(feature = "image"));

/// Another host thread is about to start.
pub(crate) fn share_words() {
    IS_ALONE.store(false, Ordering::SeqCst);
}

/// [`AtomicU64::try_update`], in one order with all others.
///
/// # Errors
/// The value, if `change` gives none for it.
#[inline]
pub fn try_update(value: &AtomicU64, mut change: impl FnMut(u64) -> Option<u64>) -> Result<u64, u64> {
    if IS_ALONE.load(Ordering::Relaxed) {
        let old = value.load(Ordering::SeqCst);
        value.store(change(old).ok_or(old)?, Ordering::Release);
        return Ok(old);
    }
    value.try_update(Ordering::SeqCst, Ordering::SeqCst, change)
}

/// [`AtomicU32::swap`], in one order with all others.
#[inline]
pub(crate) fn swap(value: &AtomicU32, new: u32) -> u32 {
    if IS_ALONE.load(Ordering::Relaxed) {
        let old = value.load(Ordering::SeqCst);
        value.store(new, Ordering::Release);
        return old;
    }
    value.swap(new, Ordering::SeqCst)
}

/// A word that says who holds a lock.
#[derive(Debug)]
pub(super) struct Word(AtomicU32);

impl Word {
    pub(super) const fn new(value: u32) -> Self {
        Self(AtomicU32::new(value))
    }

    #[inline]
    pub(super) fn load(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// Makes `new` of `old`, unless the word has another value. Gives whether it did.
    #[inline]
    pub(super) fn acquire(&self, old: u32, new: u32) -> bool {
        if IS_ALONE.load(Ordering::Relaxed) {
            let is_old = self.0.load(Ordering::Acquire) == old;
            if is_old {
                self.0.store(new, Ordering::Relaxed);
            }
            return is_old;
        }
        self.0.compare_exchange(old, new, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// As [`acquire`](Self::acquire), for whatever value the word has for which `admit` gives another one.
    #[inline]
    pub(super) fn acquire_by(&self, admit: impl Fn(u32) -> Option<u32>) -> bool {
        loop {
            let word = self.load();
            let Some(new) = admit(word) else { return false };
            if self.acquire(word, new) {
                return true;
            }
        }
    }

    /// Sets the word; gives the old value.
    #[inline]
    pub(super) fn release(&self, new: u32) -> u32 {
        self.release_by(|_| new, |word| word.swap(new, Ordering::Release))
    }

    /// Subtracts from the word; gives the old value.
    #[inline]
    pub(super) fn release_one(&self) -> u32 {
        self.release_by(|word| word - 1, |word| word.fetch_sub(1, Ordering::Release))
    }

    /// Clears bits of the word; gives the old value.
    #[inline]
    pub(super) fn release_bits(&self, bits: u32) -> u32 {
        self.release_by(|word| word & !bits, |word| word.fetch_and(!bits, Ordering::Release))
    }

    #[inline]
    fn release_by(&self, change: impl Fn(u32) -> u32, change_shared: impl Fn(&AtomicU32) -> u32) -> u32 {
        if IS_ALONE.load(Ordering::Relaxed) {
            let word = self.0.load(Ordering::Relaxed);
            self.0.store(change(word), Ordering::Release);
            return word;
        }
        change_shared(&self.0)
    }

    /// The word as the host's futexes want it.
    pub(super) fn futex(&self) -> &AtomicU32 {
        &self.0
    }
}
