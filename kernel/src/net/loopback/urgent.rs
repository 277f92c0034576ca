//! Urgent data of TCP (`man 7 tcp`, `MSG_OOB`): one byte that is known of before it's read, and read apart from the others.

use crate::events::{Attachment, Chunk};
use crate::prelude::*;
use core::sync::atomic::{AtomicBool, Ordering};

/// An urgent byte, attached to its place in the stream, too.
pub(super) struct Mark {
    byte: u8,
    is_taken: AtomicBool,
}

/// What a receiver knows of urgent bytes: the last one counts, those before are as any other.
#[derive(Default)]
pub(super) struct Urgent {
    last: Mutex<Option<Arc<Mark>>>,
    /// There has been one, so that connections without any needn't look.
    is_noted: AtomicBool,
    /// Urgent bytes stay among the others (`SO_OOBINLINE`).
    is_inline: AtomicBool,
}

impl Mark {
    /// A byte that is urgent.
    pub(super) fn new(byte: u8) -> Arc<Self> {
        Arc::new(Self { byte, is_taken: AtomicBool::new(false) })
    }

    /// What marks its place.
    pub(super) fn attachment(self: &Arc<Self>) -> Attachment {
        self.clone()
    }
}

impl Urgent {
    /// As it is before a byte came, set as this one is.
    pub(super) fn like(&self) -> Self {
        Self { is_inline: AtomicBool::new(self.is_inline()), ..Self::default() }
    }

    /// Sets whether urgent bytes stay among the others.
    pub(super) fn set_inline(&self, is_inline: bool) {
        self.is_inline.store(is_inline, Ordering::SeqCst);
    }

    /// Whether urgent bytes stay among the others.
    pub(super) fn is_inline(&self) -> bool {
        self.is_inline.load(Ordering::Relaxed)
    }

    /// A byte is on its way.
    pub(super) fn announce(&self, mark: Arc<Mark>) {
        *self.last.lock() = Some(mark);
        self.is_noted.store(true, Ordering::SeqCst);
    }

    /// Whether there has been a byte, which may be gone.
    pub(super) fn is_noted(&self) -> bool {
        self.is_noted.load(Ordering::SeqCst)
    }

    /// Whether there's a byte that wasn't taken.
    pub(super) fn is_there(&self) -> bool {
        self.is_noted() && self.last.lock().as_ref().is_some_and(|mark| !mark.is_taken.load(Ordering::SeqCst))
    }

    /// Whether a chunk is the byte that came last.
    pub(super) fn is_mark(&self, chunk: &Chunk) -> bool {
        let Some(attachment) = chunk.attachment() else { return false };
        let last = self.last.lock();
        last.as_ref().is_some_and(|mark| core::ptr::addr_eq(Arc::as_ptr(mark), Arc::as_ptr(attachment)))
    }

    /// The stream was read up to the byte, which is no longer urgent.
    pub(super) fn pass(&self) {
        *self.last.lock() = None;
    }

    /// The byte, which stays if it is only looked at.
    ///
    /// # Errors
    /// `EINVAL` if there's none, or if it is among the others.
    pub(super) fn take(&self, look: Look) -> Result<u8> {
        const NONE: Error = Error::new(Errno::EINVAL, "no urgent data");
        if self.is_inline() {
            return Err(NONE);
        }
        let last = self.last.lock();
        let mark = last.as_ref().filter(|mark| !mark.is_taken.load(Ordering::SeqCst)).ok_or(NONE)?;
        if look == Look::Take {
            mark.is_taken.store(true, Ordering::SeqCst);
        }
        Ok(mark.byte)
    }
}

/// Whether what is looked at is gone afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// It is.
    Take,
    /// It stays (`MSG_PEEK`).
    Peek,
}
