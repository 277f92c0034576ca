//! Event counters (`man 2 eventfd`).

use super::{Anonymous, Blocking, IoEvents, Notifier, anonymous_file};
use crate::fs::{File, StatusFlags};
use crate::prelude::*;
use core::sync::atomic::{AtomicU64, Ordering};
use frame::sync::{WaitQueue, try_update};

/// What a read takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taking {
    /// The whole count.
    All,
    /// One (`EFD_SEMAPHORE`).
    One,
}

/// An event counter.
pub struct EventFd {
    count: AtomicU64,
    taking: Taking,
    readers: WaitQueue,
    writers: WaitQueue,
    notifier: Notifier,
    anonymous: Anonymous,
}

/// The highest count; all ones would be an overflow.
const MAX: u64 = u64::MAX - 1;

impl EventFd {
    /// A counter that starts with this count.
    pub fn new(count: u32, taking: Taking, status: StatusFlags) -> Self {
        Self {
            count: AtomicU64::new(u64::from(count)),
            taking,
            readers: WaitQueue::new(),
            writers: WaitQueue::new(),
            notifier: Notifier::new(),
            anonymous: Anonymous::new(status | StatusFlags::O_RDWR),
        }
    }

    fn try_take(&self) -> Option<u64> {
        let taken = |count: u64| if self.taking == Taking::All { count } else { 1 };
        let take = |count: u64| (count > 0).then(|| count - taken(count));
        try_update(&self.count, take).ok().map(taken)
    }

    fn try_add(&self, more: u64) -> Option<()> {
        let add = |count: u64| count.checked_add(more).filter(|&sum| sum <= MAX);
        try_update(&self.count, add).ok().map(|_| ())
    }
}

/// Makes an attempt, and again when `queue` is woken, unless that isn't wanted.
pub(super) fn attempt<R>(blocking: Blocking, queue: &WaitQueue, mut attempt: impl FnMut() -> Option<R>) -> Result<R> {
    match blocking {
        Blocking::DontWait => attempt().ok_or(err!(EAGAIN, "it would wait")),
        Blocking::Wait | Blocking::Until(_) => {
            queue.wait_until(blocking.deadline(), attempt).map_err(|error| blocking.error(error))
        }
    }
}

impl File for EventFd {
    anonymous_file!("[eventfd]");

    fn read(&self, sink: &mut Sink<'_>) -> Result<usize> {
        if sink.remaining() < size_of::<u64>() {
            bail!(EINVAL, "less than eight bytes");
        }
        let count = attempt(self.anonymous.blocking(), &self.readers, || self.try_take())?;
        self.writers.wake_all();
        self.notifier.broadcast(IoEvents::POLLOUT);
        sink.put(&count.to_ne_bytes())
    }

    fn write(&self, source: &mut Source<'_>) -> Result<usize> {
        let mut bytes = [0; size_of::<u64>()];
        if source.remaining() < bytes.len() {
            bail!(EINVAL, "less than eight bytes");
        }
        if source.take(&mut bytes)? < bytes.len() {
            bail!(EFAULT, "the buffer ends before its length");
        }
        let more = u64::from_ne_bytes(bytes);
        if more > MAX {
            bail!(EINVAL, "the count would overflow");
        }
        attempt(self.anonymous.blocking(), &self.writers, || self.try_add(more))?;
        self.readers.wake_all();
        self.notifier.broadcast(IoEvents::POLLIN);
        Ok(bytes.len())
    }

    fn poll(&self) -> IoEvents {
        let count = self.count.load(Ordering::SeqCst);
        IoEvents::POLLIN.when(count > 0) | IoEvents::POLLOUT.when(count < MAX)
    }

    fn notifier(&self) -> Option<&Notifier> {
        Some(&self.notifier)
    }
}
