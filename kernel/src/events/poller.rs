//! A thread that waits for files.

use super::IoEvents;
use super::notifier::{Notifier, Observer, Reaction, Share};
use crate::fs::File;
use crate::prelude::*;
use frame::ocall::event::{HostEpoll, HostEvent};
use frame::ocall::file::PollFd;
use frame::sync::{Deadline, WaitError, Waiter};

impl Observer for Waiter {
    fn on_events(&self, _events: IoEvents) -> Reaction {
        // Who was woken before looks anyway, at one event as at two: the second is for another.
        if self.wake() { Reaction::Woke } else { Reaction::Noted }
    }
}

/// The calling thread as an observer that waits.
///
/// To be used so: [`watch`](Self::watch) all notifiers, then look, [`wait`](Self::wait), look, … It is registered until
/// it's dropped.
pub struct Poller<'a> {
    waiter: Arc<Waiter>,
    /// Most watch one, which needs no list.
    first: Option<&'a Notifier>,
    others: Vec<&'a Notifier>,
}

impl Default for Poller<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Poller<'a> {
    /// The calling thread, which watches nothing yet.
    pub fn new() -> Self {
        Self { waiter: Waiter::current(), first: None, others: Vec::new() }
    }

    /// Wakes the thread for `events` of a notifier. The caller looks afterwards, before it waits.
    pub fn watch(&mut self, notifier: &'a Notifier, events: IoEvents, share: Share) {
        let observer: Weak<Waiter> = Arc::downgrade(&self.waiter);
        notifier.register(observer, events, share);
        match self.first {
            None => self.first = Some(notifier),
            Some(first) if core::ptr::eq(first, notifier) => {}
            Some(_) => self.others.push(notifier),
        }
    }

    /// Whether it watches a notifier.
    pub(super) fn watches_any(&self) -> bool {
        self.first.is_some()
    }

    /// Sleeps until a notifier tells something; it may end for no reason.
    ///
    /// # Errors
    /// [`WaitError::TimedOut`] after `deadline`, [`WaitError::Interrupted`] when the thread is wanted.
    pub fn wait(&self, deadline: Option<Deadline>) -> Result<(), WaitError> {
        self.waiter.wait_soon(deadline)
    }

    /// As [`wait`](Self::wait), for files that the host knows more of, too; those learn what the host found.
    ///
    /// # Errors
    /// As for [`wait`](Self::wait).
    pub fn wait_with_host(&self, files: &[(&dyn File, IoEvents)], deadline: Option<Deadline>) -> Result<(), WaitError> {
        let (hosted, mut fds): (Vec<&dyn File>, Vec<PollFd<'_>>) = files
            .iter()
            .filter_map(|&(file, events)| Some((file, PollFd::new(file.host_fd()?, events.bits() as i16))))
            .unzip();
        if fds.is_empty() {
            return self.wait(deadline);
        }
        self.wait_for_fds(&mut fds, deadline)?;
        for (file, fd) in hosted.into_iter().zip(fds) {
            let events = IoEvents::from_bits_truncate(fd.ready() as u16);
            if !events.is_empty() {
                file.recv_host_events(events);
            }
        }
        Ok(())
    }

    /// As [`wait`](Self::wait), for descriptors of the host, too; what each of them is ready for stands in `fds` then.
    ///
    /// # Errors
    /// As for [`wait`](Self::wait).
    pub(super) fn wait_for_fds(&self, fds: &mut [PollFd<'_>], deadline: Option<Deadline>) -> Result<(), WaitError> {
        if fds.is_empty() { self.wait(deadline) } else { self.waiter.wait_for_files(fds, deadline) }
    }

    /// As [`wait`](Self::wait), for an `epoll` of the host, too: calls `take` with what it has events for, at most `max`, and
    /// gives how many those are.
    ///
    /// # Errors
    /// As for [`wait`](Self::wait); nothing was taken then.
    pub(super) fn wait_for_epoll(
        &self,
        epoll: &HostEpoll,
        max: usize,
        deadline: Option<Deadline>,
        take: impl FnMut(HostEvent),
    ) -> Result<usize, WaitError> {
        self.waiter.wait_for_epoll(epoll, max, deadline, take)
    }
}

impl Drop for Poller<'_> {
    fn drop(&mut self) {
        for notifier in self.first.iter().chain(&self.others) {
            notifier.unregister(Arc::as_ptr(&self.waiter).cast());
        }
    }
}
