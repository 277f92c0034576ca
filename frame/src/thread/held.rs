//! The locks that a thread holds, for others to see when its host process was killed.
//!
//! Most of what a thread does under a lock can't be left half done. But whoever has the host change a mapping under a lock,
//! or start a process, or read a file, or zeroes memory of a program, is prepared for that to fail. So what the lock
//! protects is consistent then, and the lock of one that dies meanwhile can be given up on its behalf.
//!
//! What must be done as a whole without a lock is kept likewise ([`as_a_whole`]).
//!
//! All host processes end with the first one, so nobody ever asks what its threads held. They keep nothing, which costs
//! them a look at a word that doesn't change; a system call takes many locks.

use super::block::ThreadBlock;
use super::current::current;
use crate::host_process::HostProcess;
#[cfg(debug_assertions)]
use crate::sync::HeldLocks;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering, compiler_fence};

/// A lock that is held, by the address of its word and how it's held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeldLock(usize);

/// How a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// A mutex.
    Mutex = 0,
    /// A reader-writer lock, by a reader.
    Reader = 1,
    /// A reader-writer lock, by a writer.
    Writer = 2,
    /// No lock: the thread does something as a whole.
    Work = 3,
}

/// The bits of a word's address that say how it's held.
const HOLD: usize = 3;

impl HeldLock {
    const WORK: Self = Self(Hold::Work as usize);

    #[inline]
    pub(crate) fn new(word: &AtomicU32, hold: Hold) -> Self {
        Self(core::ptr::from_ref(word) as usize | hold as usize)
    }

    /// Its word, and how it's held.
    pub(crate) fn parts(self) -> (*const AtomicU32, Hold) {
        let hold = match self.0 & HOLD {
            0 => Hold::Mutex,
            1 => Hold::Reader,
            2 => Hold::Writer,
            _ => Hold::Work,
        };
        ((self.0 & !HOLD) as *const AtomicU32, hold)
    }
}

/// More than a thread ever holds.
const MOST: usize = 32;

/// Whether there are, or were, threads that keep what they hold.
static IS_KEPT: AtomicBool = AtomicBool::new(false);

/// A host process is about to be started that others will outlive.
pub(crate) fn keep_held() {
    IS_KEPT.store(true, Ordering::SeqCst);
}

/// What a thread holds. Only the thread itself changes it, until it's dead.
pub(crate) struct Held {
    /// Others outlive the thread's host process. Doesn't change while the thread lives.
    is_kept: AtomicBool,
    count: AtomicU32,
    /// The first `count` ones, as far as there is room, are held or about to be.
    locks: [AtomicUsize; MOST],
    /// What they protect is consistent.
    is_at_rest: AtomicBool,
}

impl Held {
    /// What a thread of `process` holds: nothing so far.
    pub(super) fn new(process: &HostProcess) -> Self {
        Self {
            is_kept: AtomicBool::new(!process.is_first),
            count: AtomicU32::new(0),
            locks: [const { AtomicUsize::new(0) }; MOST],
            is_at_rest: AtomicBool::new(false),
        }
    }

    /// The thread, which holds nothing, is about to be one of `process`.
    pub(super) fn belong_to(&self, process: &HostProcess) {
        self.is_kept.store(!process.is_first, Ordering::Relaxed);
    }

    #[inline]
    fn push(&self, lock: HeldLock) {
        let count = self.count.load(Ordering::Relaxed);
        if let Some(place) = self.locks.get(count as usize) {
            place.store(lock.0, Ordering::Relaxed);
        }
        self.count.store(count.wrapping_add(1), Ordering::Relaxed);
    }

    #[inline]
    fn remove(&self, lock: HeldLock) {
        let last = self.count.load(Ordering::Relaxed).wrapping_sub(1);
        match self.locks.get(last as usize) {
            Some(place) if place.load(Ordering::Relaxed) == lock.0 => self.count.store(last, Ordering::Relaxed),
            _ => self.remove_inner(lock, last),
        }
    }

    /// Removes one that isn't the innermost one of those that will be left so many with.
    #[cold]
    fn remove_inner(&self, lock: HeldLock, left: u32) {
        let known = self.locks.get(..=left as usize).unwrap_or(&self.locks);
        if let Some(index) = known.iter().rposition(|place| place.load(Ordering::Relaxed) == lock.0) {
            for (place, next) in known[index..].iter().zip(&known[index + 1..]) {
                place.store(next.load(Ordering::Relaxed), Ordering::Relaxed);
            }
        }
        self.count.store(left, Ordering::Relaxed);
    }
}

impl ThreadBlock {
    /// The locks that its dead host thread held; nothing if what they protect may be half changed.
    pub(crate) fn locks_of_dead(&self) -> Option<impl Iterator<Item = HeldLock>> {
        let count = self.held.count.load(Ordering::SeqCst) as usize;
        let locks = self.held.locks.get(..count)?;
        (count == 0 || self.held.is_at_rest.load(Ordering::SeqCst))
            .then(|| locks.iter().map(|place| HeldLock(place.load(Ordering::SeqCst))))
    }

    /// Others have given up the locks of its dead host thread.
    pub(super) fn hold_nothing(&mut self) {
        self.held = Held::new(&self.handle.process);
        #[cfg(debug_assertions)]
        {
            self.held_locks = HeldLocks::new();
        }
    }
}

/// The calling thread is about to have this lock.
#[inline]
pub(crate) fn hold(lock: HeldLock) {
    if let Some(held) = kept() {
        held.push(lock);
        // Before the lock is taken: a thread that dies between is taken for a holder.
        compiler_fence(Ordering::SeqCst);
    }
}

/// The calling thread hasn't this lock any more.
#[inline]
pub(crate) fn let_go(lock: HeldLock) {
    if let Some(held) = kept() {
        compiler_fence(Ordering::SeqCst);
        held.remove(lock);
    }
}

/// What the calling thread holds, if that is kept.
#[inline]
fn kept() -> Option<&'static Held> {
    if !IS_KEPT.load(Ordering::Relaxed) {
        return None;
    }
    current().map(|block| &block.held).filter(|held| held.is_kept.load(Ordering::Relaxed))
}

/// Does `work` that others rely on being done as a whole: if the host process is killed meanwhile, the LibOS ends.
pub fn as_a_whole<R>(work: impl FnOnce() -> R) -> R {
    hold(HeldLock::WORK);
    let result = work();
    let_go(HeldLock::WORK);
    result
}

/// Does `work` that may fail and changes nothing that a lock protects.
#[inline]
pub(crate) fn at_rest<R>(work: impl FnOnce() -> R) -> R {
    note_rest(true);
    let result = work();
    note_rest(false);
    result
}

#[inline]
fn note_rest(is_at_rest: bool) {
    if let Some(held) = kept() {
        compiler_fence(Ordering::SeqCst);
        held.is_at_rest.store(is_at_rest, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_are_let_go_in_any_order() {
        let words = [const { AtomicU32::new(0) }; 3];
        let [a, b, c] = [0, 1, 2].map(|index| HeldLock::new(&words[index], Hold::Mutex));
        let held = Held::new(&HostProcess::default());
        let now = |held: &Held| {
            let count = held.count.load(Ordering::Relaxed) as usize;
            held.locks[..count].iter().map(|place| HeldLock(place.load(Ordering::Relaxed))).collect::<Vec<_>>()
        };
        for lock in [a, b, c] {
            held.push(lock);
        }
        held.remove(b);
        assert_eq!(now(&held), [a, c]);
        held.remove(a);
        assert_eq!(now(&held), [c]);
        held.remove(c);
        assert_eq!(now(&held), []);
    }

    #[test]
    fn a_lock_is_known_with_how_it_is_held() {
        let word = AtomicU32::new(0);
        for hold in [Hold::Mutex, Hold::Reader, Hold::Writer] {
            assert_eq!(HeldLock::new(&word, hold).parts(), (&raw const word, hold));
        }
    }
}
