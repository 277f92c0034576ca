//! Which dispositions of signals a process has.

use crate::prelude::*;
use crate::signal::Dispositions;
use core::ops::Deref;
use core::sync::atomic::{AtomicBool, Ordering};
use frame::sync::RwLockReadGuard;

/// The dispositions of a process: those that it began with, maybe together with another process (`CLONE_SIGHAND`), until
/// `execve` gives it some of its own.
pub(super) struct ProcessDispositions {
    /// Those that it began with.
    first: Arc<Mutex<Dispositions>>,
    /// Those that it has.
    present: RwLock<Arc<Mutex<Dispositions>>>,
    /// They aren't the first ones any more.
    has_own: AtomicBool,
}

/// A process's dispositions, which may not be replaced meanwhile.
pub enum PresentDispositions<'a> {
    /// Those that it began with, for which no lock is needed.
    First(&'a Arc<Mutex<Dispositions>>),
    /// Those that it was given.
    Own(RwLockReadGuard<'a, Arc<Mutex<Dispositions>>>),
}

impl Deref for PresentDispositions<'_> {
    type Target = Arc<Mutex<Dispositions>>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        match self {
            Self::First(first) => first,
            Self::Own(own) => own,
        }
    }
}

impl ProcessDispositions {
    pub(super) fn new(first: Arc<Mutex<Dispositions>>) -> Self {
        Self { present: RwLock::new(first.clone()), first, has_own: AtomicBool::new(false) }
    }

    #[inline]
    pub(super) fn present(&self) -> PresentDispositions<'_> {
        if self.has_own.load(Ordering::Acquire) {
            PresentDispositions::Own(self.present.read())
        } else {
            PresentDispositions::First(&self.first)
        }
    }

    /// Makes them the process's own, if another one has them too; gives them.
    pub(super) fn unshare(&self) -> Arc<Mutex<Dispositions>> {
        let mut present = self.present.write();
        let own = if self.has_own.load(Ordering::Relaxed) { 1 } else { 2 };
        if Arc::strong_count(&present) > own {
            let copy = present.lock().clone();
            *present = Arc::new(Mutex::new(copy));
            self.has_own.store(true, Ordering::Release);
        }
        present.clone()
    }
}
