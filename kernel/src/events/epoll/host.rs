//! Files of the host in an epoll: the host watches them by an `epoll` of its own.

use super::file::EpollFile;
use super::item::{Item, Mode};
use crate::events::{IoEvents, Poller};
use crate::fs::File;
use crate::prelude::*;
use core::sync::atomic::Ordering;
use frame::ocall::event::{HostEpoll, HostEvent};
use frame::ocall::file::HostFd;
use frame::sync::{Deadline, MutexGuard, WaitError};

/// The items that the host watches too. Level and edge triggers are the host's affair for them.
pub(super) struct HostSet {
    owner: Weak<EpollFile>,
    epoll: HostEpoll,
    slots: Mutex<Slots>,
}

/// The items by their tokens: a place, and a number that tells apart those that have the place one after the other.
#[derive(Default)]
struct Slots {
    items: Vec<Option<Arc<Item>>>,
    free: Vec<u32>,
    last_number: u32,
}

impl Slots {
    fn insert(&mut self, item: &Arc<Item>) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.items.push(None);
            self.items.len() as u32 - 1
        });
        self.last_number = self.last_number.wrapping_add(1);
        item.token.store(u64::from(self.last_number) << 32 | u64::from(place), Ordering::Relaxed);
        self.items[place as usize] = Some(item.clone());
    }

    /// The item of this token; tokens come from the host.
    fn get(&self, token: u64) -> Option<&Arc<Item>> {
        let item = self.items.get(place(token))?.as_ref()?;
        (item.token() == token).then_some(item)
    }

    /// Whether some item has or had this token.
    fn has_given(&self, token: u64) -> bool {
        (1..=u64::from(self.last_number)).contains(&(token >> 32)) && place(token) < self.items.len()
    }

    fn remove(&mut self, token: u64) -> Option<Arc<Item>> {
        self.get(token)?;
        let item = self.items.get_mut(place(token))?.take();
        self.free.push(token as u32);
        item
    }
}

fn place(token: u64) -> usize {
    token as u32 as usize
}

impl HostSet {
    /// For the files of `owner`.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`, `ENOMEM`.
    pub(super) fn new(owner: Weak<EpollFile>) -> Result<Self> {
        Ok(Self { owner, epoll: HostEpoll::new()?, slots: Mutex::default() })
    }

    /// What is ready to be read when the host has events.
    pub(super) fn fd(&self) -> &HostFd {
        self.epoll.fd()
    }

    /// Has the host watch an item's file.
    ///
    /// # Errors
    /// As `epoll_ctl(2)`: `EPERM` for a file that can't be waited for.
    pub(super) fn add(&self, item: &Arc<Item>, file: &dyn File) -> Result<()> {
        let Some(fd) = file.host_fd() else { return Ok(()) };
        self.slots.lock().insert(item);
        self.watch(item, fd).inspect_err(|_| self.forget(item))?;
        item.is_hosted.store(true, Ordering::SeqCst);
        Ok(())
    }

    fn watch(&self, item: &Item, fd: &HostFd) -> Result<()> {
        match self.epoll.add(fd, item.word(), item.token()) {
            // Watched by another descriptor of the program, which the host doesn't know.
            Err(error) if error.errno() == Errno::EEXIST => {
                let other = fd.duplicate()?;
                self.epoll.add(&other, item.word(), item.token())?;
                *item.host_fd.lock() = Some(other);
                Ok(())
            }
            added => added,
        }
    }

    /// The item's interest has changed.
    ///
    /// # Errors
    /// As `epoll_ctl(2)`.
    pub(super) fn modify(&self, item: &Item, file: &dyn File) -> Result<()> {
        item.drop_host_events();
        match (&*item.host_fd.lock(), file.host_fd()) {
            (Some(fd), _) | (None, Some(fd)) => self.epoll.modify(fd, item.word(), item.token()),
            (None, None) => Ok(()),
        }
    }

    /// The host watches an item's file no longer.
    pub(super) fn remove(&self, item: &Item, file: &dyn File) {
        self.forget(item);
        let removed = match (&*item.host_fd.lock(), file.host_fd()) {
            (Some(fd), _) | (None, Some(fd)) => self.epoll.remove(fd),
            (None, None) => Ok(()),
        };
        if let Err(error) = removed {
            warn!("the host goes on watching a file: {error}");
        }
    }

    /// An item's file was closed, so the host watches it no longer.
    pub(super) fn forget(&self, item: &Item) {
        let gone = self.slots.lock().remove(item.token());
        // Not beneath the lock: an item that goes tells its file.
        drop(gone);
    }

    /// Gives each item that the host has events for to `ready`, with them, at most `max`. Gives how many the host told of.
    #[expect(clippy::inline_always, reason = "after a call of the host, processors predict no return")]
    #[inline(always)]
    pub(super) fn take_ready(&self, max: usize, ready: impl FnMut(&Arc<Item>, IoEvents)) -> usize {
        let mut sorting = Sorting::new(self, ready);
        let told = self.epoll.take_ready(max, |event| sorting.take(event));
        sorting.finish();
        told.unwrap_or_else(|error| {
            warn!("the host's epoll fails: {error}");
            0
        })
    }

    /// As [`take_ready`](Self::take_ready), but the calling thread, as `poller`, sleeps until there's something, or somebody
    /// wakes it.
    ///
    /// # Errors
    /// As [`Poller::wait`]; nothing was taken then.
    pub(super) fn wait_ready(
        &self,
        poller: &Poller<'_>,
        max: usize,
        deadline: Option<Deadline>,
        ready: impl FnMut(&Arc<Item>, IoEvents),
    ) -> Result<usize, WaitError> {
        let mut sorting = Sorting::new(self, ready);
        let told = poller.wait_for_epoll(&self.epoll, max, deadline, |event| sorting.take(event));
        sorting.finish();
        told
    }

    /// Starts over with the files that are open: the host can't be told to forget one that is closed.
    fn renew(&self) {
        if let Err(error) = self.epoll.renew() {
            warn!("the host's epoll can't be renewed: {error}");
            return;
        }
        let items: Vec<Arc<Item>> = self.slots.lock().items.iter().flatten().cloned().collect();
        for item in items {
            let Some(file) = item.file() else { continue };
            let Some(fd) = file.host_fd() else { continue };
            item.host_fd.lock().take();
            if item.mode().contains(Mode::EPOLLONESHOT) && item.events().is_empty() {
                continue;
            }
            if let Err(error) = self.watch(&item, fd) {
                warn!("the host doesn't watch a file any more: {error}");
            }
        }
        // Those who sleep in the old one would learn nothing of files that come.
        if let Some(owner) = self.owner.upgrade() {
            owner.host_changed();
        }
    }
}

/// Finds out what items the host's events are of.
struct Sorting<'a, R> {
    set: &'a HostSet,
    /// Locked for the first event.
    slots: Option<MutexGuard<'a, Slots>>,
    /// Learns of each item that is ready.
    ready: R,
    hybrid: Vec<(Arc<Item>, IoEvents)>,
    /// Tokens of files that were closed here, but that others outside have open.
    stale: Vec<u64>,
}

impl<'a, R: FnMut(&Arc<Item>, IoEvents)> Sorting<'a, R> {
    fn new(set: &'a HostSet, ready: R) -> Self {
        Self { set, slots: None, ready, hybrid: Vec::new(), stale: Vec::new() }
    }

    #[inline]
    fn take(&mut self, event: HostEvent) {
        let slots = self.slots.get_or_insert_with(|| self.set.slots.lock());
        let Some(item) = slots.get(event.token) else {
            if slots.has_given(event.token) {
                debug!("a file was taken out while a thread came with what the host had found");
            } else {
                warn!("the host tells of a file that it doesn't watch ({:#x})", event.token);
            }
            return;
        };
        if !item.is_open() {
            self.stale.push(event.token);
            return;
        }
        let events = IoEvents::from_bits_truncate(event.events as u16);
        let sound = events & (item.events() | IoEvents::ALWAYS);
        if sound != events {
            warn!("the host tells of events that nobody asked for ({events:?})");
        }
        if !sound.is_empty() {
            if item.is_hybrid {
                self.hybrid.push((item.clone(), sound));
            }
            (self.ready)(item, sound);
        }
    }

    /// Tells files what the host found, and closes what is gone, without the lock.
    #[inline]
    fn finish(&mut self) {
        self.slots = None;
        for (item, events) in self.hybrid.drain(..) {
            item.tell_host_events(events);
        }
        if !self.stale.is_empty() {
            self.forget_stale();
        }
    }

    #[cold]
    fn forget_stale(&mut self) {
        let gone: Vec<Option<Arc<Item>>> = {
            let mut slots = self.set.slots.lock();
            self.stale.drain(..).map(|token| slots.remove(token)).collect()
        };
        drop(gone);
        self.set.renew();
    }
}

#[cfg(test)]
mod tests {
    use super::super::Interest;
    use super::*;
    use crate::events::tests::{Hybrid, hybrid};
    use frame::injection::{Answer, inject};

    const POLLIN: u32 = 1;

    /// What the set makes of an answer of the host while it watches a quiet file: how many there were, what was ready, and
    /// what the file was told.
    fn made_of(answer: impl FnOnce(u64) -> Answer) -> (usize, Vec<IoEvents>, IoEvents) {
        let (file, watched, _writer): (_, Arc<Hybrid>, _) = hybrid();
        let set = HostSet::new(Weak::new()).unwrap();
        let item = Item::new(Weak::new(), &file, Interest::new(POLLIN, 0));
        set.add(&item, &*file).unwrap();
        inject(answer(item.token()));
        let mut ready = Vec::new();
        let count = set.take_ready(8, |_, events| ready.push(events));
        (count, ready, IoEvents::from_bits_truncate(watched.told.load(Ordering::SeqCst) as u16))
    }

    #[test]
    fn events_of_a_file_that_is_not_watched_are_ignored() {
        let answer = |token| Answer::EpollEvents(vec![(POLLIN, token + 1_000_000), (POLLIN, u64::MAX)], 2);
        assert_eq!(made_of(answer), (2, vec![], IoEvents::empty()));
    }

    #[test]
    fn events_that_nobody_asked_for_are_ignored() {
        const POLLOUT: u32 = 4;
        let other = |token| Answer::EpollEvents(vec![(POLLOUT | 1 << 20, token)], 1);
        assert_eq!(made_of(other), (1, vec![], IoEvents::empty()));
        let all = |token| Answer::EpollEvents(vec![(u32::MAX, token)], 1);
        let sound = IoEvents::POLLIN | IoEvents::ALWAYS;
        assert_eq!(made_of(all), (1, vec![sound], sound));
    }

    #[test]
    fn counts_and_errors_that_make_no_sense_are_no_events() {
        for count in [9, 65, isize::MAX, -9, -4000] {
            let answer = |token| Answer::EpollEvents(vec![(POLLIN, token)], count);
            assert_eq!(made_of(answer), (0, vec![], IoEvents::empty()), "{count}");
        }
    }
}
