//! Files of the host in an epoll: the host watches them by an `epoll` of its own.

use super::item::{Item, Mode};
use crate::events::IoEvents;
use crate::fs::File;
use crate::prelude::*;
use core::sync::atomic::Ordering;
use frame::ocall::event::HostEpoll;
use frame::ocall::file::HostFd;

/// The items that the host watches too. Level and edge triggers are the host's affair for them.
pub(super) struct HostSet {
    epoll: HostEpoll,
    by_token: Mutex<BTreeMap<u64, Weak<Item>>>,
}

impl HostSet {
    pub(super) fn new() -> Result<Self> {
        Ok(Self { epoll: HostEpoll::new()?, by_token: Mutex::new(BTreeMap::new()) })
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
        self.by_token.lock().insert(item.token, Arc::downgrade(item));
        let added = match self.epoll.add(fd, item.word(), item.token) {
            // Watched by another descriptor of the program, which the host doesn't know.
            Err(error) if error.errno() == Errno::EEXIST => fd.duplicate().and_then(|other| {
                self.epoll.add(&other, item.word(), item.token)?;
                *item.host_fd.lock() = Some(other);
                Ok(())
            }),
            added => added,
        };
        if let Err(error) = added {
            self.by_token.lock().remove(&item.token);
            return Err(error);
        }
        item.is_hosted.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// The item's interest has changed.
    ///
    /// # Errors
    /// As `epoll_ctl(2)`.
    pub(super) fn modify(&self, item: &Item, file: &dyn File) -> Result<()> {
        item.drop_host_events();
        match (&*item.host_fd.lock(), file.host_fd()) {
            (Some(fd), _) | (None, Some(fd)) => self.epoll.modify(fd, item.word(), item.token),
            (None, None) => Ok(()),
        }
    }

    /// The host watches an item's file no longer.
    pub(super) fn remove(&self, item: &Item, file: &dyn File) {
        self.by_token.lock().remove(&item.token);
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
        self.by_token.lock().remove(&item.token);
    }

    /// Gives each item that the host has events for to `ready`, with them, at most `max`. Gives how many the host told of.
    pub(super) fn take_ready(&self, max: usize, mut ready: impl FnMut(Arc<Item>, IoEvents)) -> usize {
        let mut is_stale = false;
        let taken = self.epoll.take_ready(max, |event| {
            let known = self.by_token.lock().get(&event.token).map(Weak::upgrade);
            let Some(known) = known else {
                warn!("the host tells of a file that it doesn't watch ({:#x})", event.token);
                return;
            };
            let Some(item) = known.filter(|item| item.is_open()) else {
                // Closed here, but others outside have the same file of the host open.
                self.by_token.lock().remove(&event.token);
                is_stale = true;
                return;
            };
            let events = IoEvents::from_bits_truncate(event.events as u16);
            let sound = events & (item.events() | IoEvents::ALWAYS);
            if sound != events {
                warn!("the host tells of events that nobody asked for ({events:?})");
            }
            if !sound.is_empty() {
                item.tell_host_events(sound);
                ready(item, sound);
            }
        });
        if is_stale {
            self.renew();
        }
        taken.unwrap_or_else(|error| {
            warn!("the host's epoll fails: {error}");
            0
        })
    }

    /// Starts over with the files that are open: the host can't be told to forget one that is closed.
    fn renew(&self) {
        if let Err(error) = self.epoll.renew() {
            warn!("the host's epoll can't be renewed: {error}");
            return;
        }
        let items: Vec<Arc<Item>> = self.by_token.lock().values().filter_map(Weak::upgrade).collect();
        for item in items {
            let Some(file) = item.file() else { continue };
            item.host_fd.lock().take();
            if item.mode().contains(Mode::EPOLLONESHOT) && item.events().is_empty() {
                continue;
            }
            if let Err(error) = self.add(&item, &*file) {
                warn!("the host doesn't watch a file any more: {error}");
            }
        }
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
        let set = HostSet::new().unwrap();
        let item = Item::new(Weak::new(), &file, Interest::new(POLLIN, 0));
        set.add(&item, &*file).unwrap();
        inject(answer(item.token));
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
