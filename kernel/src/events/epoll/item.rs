//! A file that an epoll watches.

use super::file::EpollFile;
use crate::events::{IoEvents, Observer, Reaction};
use crate::fs::File;
use crate::prelude::*;
use crate::syscalls::args::FileDesc;
use bitflags::bitflags;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use frame::ocall::file::HostFd;

bitflags! {
    /// How events are reported (`man 2 epoll_ctl`).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Mode: u32 {
        const EPOLLEXCLUSIVE = 1 << 28;
        const EPOLLWAKEUP = 1 << 29;
        const EPOLLONESHOT = 1 << 30;
        const EPOLLET = 1 << 31;
    }
}

/// What is to be reported of a file, as in `struct epoll_event`.
#[derive(Clone, Copy, Debug)]
pub struct Interest {
    word: u32,
    /// What the program gets back.
    pub data: u64,
}

impl Interest {
    /// The interest of a program's `struct epoll_event`.
    pub fn new(word: u32, data: u64) -> Self {
        Self { word, data }
    }

    pub(super) fn mode(self) -> Mode {
        Mode::from_bits_truncate(self.word)
    }

    /// Whether there's something beside what may be asked for together with `EPOLLEXCLUSIVE`.
    pub(super) fn is_too_much_for_exclusive(self) -> bool {
        let events = IoEvents::POLLIN | IoEvents::POLLOUT | IoEvents::ALWAYS;
        let mode = Mode::EPOLLEXCLUSIVE | Mode::EPOLLWAKEUP | Mode::EPOLLET;
        self.word & !(u32::from(events.bits()) | mode.bits()) != 0
    }

    /// The word, with what is reported unasked and without what has no meaning.
    fn kept(self) -> u32 {
        let events = IoEvents::from_bits_truncate(self.word as u16) | IoEvents::ALWAYS;
        self.mode().bits() | u32::from(events.bits())
    }
}

/// A file that an epoll watches, by one descriptor.
pub(super) struct Item {
    this: Weak<Self>,
    epoll: Weak<EpollFile>,
    file: Weak<dyn File>,
    /// Events and mode; without events it's disabled (`EPOLLONESHOT`) or taken out.
    word: AtomicU32,
    data: AtomicU64,
    /// It is in the list of ready items.
    pub(super) is_queued: AtomicBool,
    /// What tells it from others, for the host, while that watches it.
    pub(super) token: AtomicU64,
    /// It is watched by the host as well.
    pub(super) is_hosted: AtomicBool,
    /// The descriptor that the host watches if it isn't the file's own.
    pub(super) host_fd: Mutex<Option<HostFd>>,
    /// What the host found, not reported yet.
    host_events: AtomicU32,
    /// The LibOS knows of the file's readiness, too, and is told what the host found.
    pub(super) is_hybrid: bool,
}

/// What an item is known by: the descriptor and the file that it meant then (`man 7 epoll`, Questions and answers).
pub(super) type Key = (i32, usize);

pub(super) fn key(fd: FileDesc, file: &Arc<dyn File>) -> Key {
    (fd.0, Arc::as_ptr(file).cast::<()>().addr())
}

impl Item {
    pub(super) fn new(epoll: Weak<EpollFile>, file: &Arc<dyn File>, interest: Interest) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            epoll,
            file: Arc::downgrade(file),
            word: AtomicU32::new(interest.kept()),
            data: AtomicU64::new(interest.data),
            is_queued: AtomicBool::new(false),
            token: AtomicU64::new(0),
            is_hosted: AtomicBool::new(false),
            host_fd: Mutex::new(None),
            host_events: AtomicU32::new(0),
            is_hybrid: file.notifier().is_some(),
        })
    }

    /// The file, if it is still open.
    pub(super) fn file(&self) -> Option<Arc<dyn File>> {
        self.file.upgrade()
    }

    pub(super) fn is_open(&self) -> bool {
        self.file.strong_count() > 0
    }

    /// What is to be reported; nothing while it's disabled.
    pub(super) fn events(&self) -> IoEvents {
        IoEvents::from_bits_truncate(self.word.load(Ordering::SeqCst) as u16)
    }

    pub(super) fn mode(&self) -> Mode {
        Mode::from_bits_truncate(self.word.load(Ordering::SeqCst))
    }

    pub(super) fn word(&self) -> u32 {
        self.word.load(Ordering::SeqCst)
    }

    pub(super) fn token(&self) -> u64 {
        self.token.load(Ordering::Relaxed)
    }

    pub(super) fn data(&self) -> u64 {
        self.data.load(Ordering::Relaxed)
    }

    pub(super) fn set_interest(&self, interest: Interest) {
        self.data.store(interest.data, Ordering::Relaxed);
        self.word.store(interest.kept(), Ordering::SeqCst);
    }

    /// Begins a report: one with `EPOLLONESHOT` is made by one thread alone, and is the last until there's a new interest.
    /// Gives what to [take it back](Self::take_back) with.
    pub(super) fn begin_report(&self) -> Option<u32> {
        let word = self.word();
        if Mode::from_bits_truncate(word).contains(Mode::EPOLLONESHOT) {
            let armed = self.word.fetch_and(Mode::all().bits(), Ordering::SeqCst);
            return (armed & !Mode::all().bits() != 0).then_some(armed);
        }
        Some(word)
    }

    /// What was begun came to nothing. A new interest that came meanwhile stays.
    pub(super) fn take_back(&self, armed: u32) {
        let _ = self.word.compare_exchange(armed & Mode::all().bits(), armed, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Reports nothing any more, until there's a new interest.
    pub(super) fn disable(&self) {
        self.word.fetch_and(Mode::all().bits(), Ordering::SeqCst);
    }

    /// Tells the file what the host found.
    pub(super) fn tell_host_events(&self, events: IoEvents) {
        if let Some(file) = self.file() {
            file.recv_host_events(events);
        }
    }

    /// Keeps what the host found until it's reported.
    pub(super) fn keep_host_events(&self, events: IoEvents) {
        self.host_events.fetch_or(u32::from(events.bits()), Ordering::SeqCst);
    }

    /// Whether something that the host found wasn't reported yet.
    pub(super) fn has_host_events(&self) -> bool {
        self.host_events.load(Ordering::SeqCst) != 0
    }

    /// What the host found for an earlier interest doesn't count.
    pub(super) fn drop_host_events(&self) {
        self.host_events.store(0, Ordering::SeqCst);
    }

    /// Takes what the host found.
    pub(super) fn take_host_events(&self) -> IoEvents {
        if self.host_events.load(Ordering::Relaxed) == 0 {
            return IoEvents::empty();
        }
        IoEvents::from_bits_truncate(self.host_events.swap(0, Ordering::SeqCst) as u16)
    }
}

impl Observer for Item {
    fn on_events(&self, events: IoEvents) -> Reaction {
        if !self.events().intersects(events) {
            return Reaction::Noted;
        }
        match (self.epoll.upgrade(), self.this.upgrade()) {
            (Some(epoll), Some(item)) => epoll.item_ready(item),
            _ => Reaction::Noted,
        }
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        let Some(file) = self.file.upgrade() else { return };
        if let Some(notifier) = file.notifier() {
            notifier.unregister(core::ptr::from_ref(self).cast());
        }
        if let Some(inner) = file.downcast_ref::<EpollFile>() {
            inner.nesting.remove_parent(&self.epoll);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::tests::hybrid;

    const ONCE: u32 = 1 | 1 << 30;

    #[test]
    fn one_shot_is_reported_by_one_thread_until_there_is_a_new_interest() {
        let (file, ..) = hybrid();
        let item = Item::new(Weak::new(), &file, Interest::new(ONCE, 0));
        let armed = item.begin_report().unwrap();
        assert_eq!((item.begin_report(), item.events()), (None, IoEvents::empty()));
        item.take_back(armed);
        assert_eq!(item.begin_report(), Some(armed));
        item.set_interest(Interest::new(4 | 1 << 30, 0));
        item.take_back(armed);
        assert_eq!(item.events(), IoEvents::POLLOUT | IoEvents::ALWAYS);
    }

    #[test]
    fn what_is_not_a_one_shot_is_reported_again_and_again() {
        let (file, ..) = hybrid();
        let item = Item::new(Weak::new(), &file, Interest::new(1, 0));
        assert!(item.begin_report().is_some() && item.begin_report().is_some());
    }
}
