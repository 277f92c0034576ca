//! What a socket's peer tells it.

use crate::events::{IoEvents, Notifier, Observer, Reaction, Share};
use crate::prelude::*;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};

/// A socket's part that others know: what they tell it, and what they ask.
#[derive(Default)]
pub struct Side {
    /// Tells who polls the socket.
    pub notifier: Notifier,
    /// An error that the next call gives, by number (`SO_ERROR`).
    error: AtomicI32,
    /// Whether the socket wants to know who sends (`SO_PASSCRED`).
    pub passes_credentials: AtomicBool,
    /// How many bytes a receiver waits for beyond the first (`SO_RCVLOWAT`).
    more: AtomicU32,
}

impl Side {
    /// Tells what one of a socket's channels tells.
    pub fn observe(self: &Arc<Self>, notifier: &Notifier) {
        let observer: Weak<Self> = Arc::downgrade(self);
        notifier.register(observer, IoEvents::all(), Share::All);
    }

    /// Leaves an error for the next call.
    pub fn fail(&self, errno: Errno) {
        self.error.store(errno as i32, Ordering::SeqCst);
        self.notifier.broadcast(IoEvents::POLLERR | IoEvents::READABLE);
    }

    /// Whether there's an error.
    pub fn has_error(&self) -> bool {
        self.error.load(Ordering::SeqCst) != 0
    }

    /// Takes the error, as its number; 0 for none.
    pub fn take_error(&self) -> i32 {
        if self.has_error() { self.error.swap(0, Ordering::SeqCst) } else { 0 }
    }

    /// Gives the error, once.
    ///
    /// # Errors
    /// `ECONNRESET`.
    pub fn check(&self) -> Result<()> {
        if self.take_error() == 0 { Ok(()) } else { Err(err!(ECONNRESET, "the peer is gone")) }
    }

    /// How many bytes a receiver of a stream waits for (`SO_RCVLOWAT`), at least one.
    pub fn least(&self) -> usize {
        self.more.load(Ordering::Relaxed) as usize + 1
    }

    /// Changes how many bytes a receiver waits for.
    pub fn set_least(&self, bytes: u32) {
        self.more.store(bytes.saturating_sub(1), Ordering::Relaxed);
    }

    /// Whether the socket wants to know who sends.
    pub fn wants_credentials(&self) -> bool {
        self.passes_credentials.load(Ordering::Relaxed)
    }
}

impl Observer for Side {
    fn on_events(&self, events: IoEvents) -> Reaction {
        self.notifier.broadcast(events);
        Reaction::Noted
    }
}
