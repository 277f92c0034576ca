//! An epoll's file: what it watches, what is ready, and who waits.

use super::host::HostSet;
use super::item::{Interest, Item, Key, Mode, key};
use super::nesting::{self, NESTING, Nesting};
use super::wait::Habit;
use crate::events::{Anonymous, IoEvents, Notifier, Reaction, Share, anonymous_file};
use crate::fs::{File, StatusFlags};
use crate::prelude::*;
use crate::syscalls::args::FileDesc;
use core::sync::atomic::{AtomicUsize, Ordering};
use frame::ocall::file::{HostFd, PollFd, poll_now};
use frame::sync::{MutexGuard, Once};

/// An epoll.
pub struct EpollFile {
    this: Weak<Self>,
    /// Items that the next look begins with: those that were ready at the last and may still be. Locked while ready items
    /// are looked at, and while what is watched changes.
    scan: Mutex<VecDeque<Arc<Item>>>,
    /// Length of that list after the last look.
    left: AtomicUsize,
    items: Mutex<Items>,
    /// Items whose files told that they're ready since the last look.
    ready: Mutex<Ready>,
    /// Length of that list.
    ready_len: AtomicUsize,
    /// Threads that wait here: told that something is ready, or that they're to wait for the host anew.
    pub(super) waiting: Notifier,
    pub(super) habit: Habit,
    /// Others that watch this epoll.
    notifier: Notifier,
    pub(super) host: Once<HostSet>,
    pub(super) nesting: Nesting,
    anonymous: Anonymous,
}

#[derive(Default)]
struct Items {
    by_key: BTreeMap<Key, Arc<Item>>,
    /// With this many, those whose files are closed are looked for.
    purge_at: usize,
}

/// Items that became ready since the last scan.
#[derive(Default)]
struct Ready {
    items: VecDeque<Arc<Item>>,
}

impl EpollFile {
    /// An epoll that watches nothing.
    pub fn new() -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            scan: Mutex::default(),
            left: AtomicUsize::new(0),
            items: Mutex::default(),
            ready: Mutex::default(),
            ready_len: AtomicUsize::new(0),
            waiting: Notifier::new(),
            habit: Habit::default(),
            notifier: Notifier::new(),
            host: Once::new(),
            nesting: Nesting::default(),
            anonymous: Anonymous::new(StatusFlags::O_RDWR),
        })
    }

    /// Watches a file (`EPOLL_CTL_ADD`).
    ///
    /// # Errors
    /// `EEXIST`, `ELOOP`, `EINVAL` for what can't go together with `EPOLLEXCLUSIVE`, `EPERM` for a file that is always
    /// ready.
    pub fn add(&self, fd: FileDesc, file: &Arc<dyn File>, interest: Interest) -> Result<()> {
        let inner = file.downcast_ref::<Self>();
        if interest.mode().contains(Mode::EPOLLEXCLUSIVE) && (inner.is_some() || interest.is_too_much_for_exclusive()) {
            bail!(EINVAL, "what EPOLLEXCLUSIVE can't go together with");
        }
        let _nesting = inner.map(|_| NESTING.lock());
        if let Some(inner) = inner {
            nesting::check(self, inner)?;
        }
        let scan = self.scan.lock();
        let item = self.insert(key(fd, file), || Item::new(self.this.clone(), file, interest))?;
        if let Some(inner) = inner {
            inner.nesting.add_parent(self.this.clone());
        }
        if let Some(notifier) = file.notifier() {
            let observer: Weak<Item> = Arc::downgrade(&item);
            let share = if interest.mode().contains(Mode::EPOLLEXCLUSIVE) { Share::Oldest } else { Share::All };
            notifier.register(observer, IoEvents::all(), share);
        }
        if file.host_fd().is_some()
            && let Err(error) = self.host_add(&item, &**file)
        {
            let gone = self.items.lock().by_key.remove(&key(fd, file));
            drop(scan);
            drop(gone);
            return Err(error);
        }
        self.look_at_once(scan, &item, &**file);
        Ok(())
    }

    /// Changes what is reported of a file (`EPOLL_CTL_MOD`).
    ///
    /// # Errors
    /// `ENOENT`, `EINVAL` with `EPOLLEXCLUSIVE`.
    pub fn modify(&self, fd: FileDesc, file: &Arc<dyn File>, interest: Interest) -> Result<()> {
        if interest.mode().contains(Mode::EPOLLEXCLUSIVE) {
            bail!(EINVAL, "EPOLLEXCLUSIVE can't be set later");
        }
        let scan = self.scan.lock();
        let item = self.find(key(fd, file))?;
        if item.mode().contains(Mode::EPOLLEXCLUSIVE) {
            bail!(EINVAL, "what is exclusive can't be changed");
        }
        item.set_interest(interest);
        if item.is_hosted.load(Ordering::SeqCst)
            && let Some(host) = self.host.get()
        {
            host.modify(&item, &**file)?;
        }
        self.look_at_once(scan, &item, &**file);
        Ok(())
    }

    /// Watches a file no longer (`EPOLL_CTL_DEL`).
    ///
    /// # Errors
    /// `ENOENT`.
    pub fn remove(&self, fd: FileDesc, file: &Arc<dyn File>) -> Result<()> {
        let _scan = self.scan.lock();
        let item = self.items.lock().by_key.remove(&key(fd, file)).ok_or(NOT_WATCHED)?;
        item.disable();
        if item.is_hosted.load(Ordering::SeqCst)
            && let Some(host) = self.host.get()
        {
            host.remove(&item, &**file);
        }
        Ok(())
    }

    /// How many items there are, those included whose files are closed and that weren't found out yet.
    #[cfg(test)]
    pub(in crate::events) fn watched(&self) -> usize {
        self.items.lock().by_key.len()
    }

    /// An item's file may have become ready.
    pub(super) fn item_ready(&self, item: Arc<Item>) -> Reaction {
        self.enqueue(item);
        self.announce()
    }

    /// The threads that wait here are to wait for the host anew.
    pub(super) fn host_changed(&self) {
        self.waiting.broadcast(HOST_CHANGED);
    }

    /// The epolls that this one watches.
    pub(super) fn watched_epolls(&self) -> Vec<Arc<dyn File>> {
        let items: Vec<Arc<Item>> = self.items.lock().by_key.values().cloned().collect();
        items.iter().filter_map(|item| item.file()).filter(|file| file.downcast_ref::<Self>().is_some()).collect()
    }

    fn insert(&self, key: Key, make: impl FnOnce() -> Arc<Item>) -> Result<Arc<Item>> {
        const PURGE_AT_LEAST: usize = 64;
        let mut gone: Vec<(Key, Arc<Item>)> = Vec::new();
        let mut items = self.items.lock();
        if items.by_key.contains_key(&key) {
            bail!(EEXIST, "the file is watched already");
        }
        if items.by_key.len() >= items.purge_at.max(PURGE_AT_LEAST) {
            gone.extend(items.by_key.extract_if(.., |_, item| !item.is_open()));
            items.purge_at = items.by_key.len() * 2;
        }
        let item = make();
        items.by_key.insert(key, item.clone());
        drop(items);
        if let Some(host) = self.host.get() {
            for (_, item) in &gone {
                host.forget(item);
            }
        }
        drop(gone);
        Ok(item)
    }

    fn find(&self, key: Key) -> Result<Arc<Item>> {
        self.items.lock().by_key.get(&key).cloned().ok_or(NOT_WATCHED)
    }

    pub(super) fn host_add(&self, item: &Arc<Item>, file: &dyn File) -> Result<()> {
        let is_first = self.host.get().is_none();
        let host = self.host.try_call_once(|| HostSet::new(self.this.clone()))?;
        host.add(item, file)?;
        if is_first {
            // Who waits for the LibOS alone begins to wait for the host as well.
            self.host_changed();
            self.notifier.broadcast(IoEvents::READABLE);
        }
        Ok(())
    }

    /// Looks at a file that is watched anew: it may be ready already.
    fn look_at_once(&self, scan: MutexGuard<'_, VecDeque<Arc<Item>>>, item: &Arc<Item>, file: &dyn File) {
        // The host looks by itself at what only it knows.
        let is_ready = file.notifier().is_some() && file.poll().intersects(item.events());
        if is_ready {
            self.enqueue(item.clone());
        }
        drop(scan);
        if is_ready {
            self.announce();
        }
    }

    pub(super) fn enqueue(&self, item: Arc<Item>) {
        if !item.is_queued.swap(true, Ordering::SeqCst) {
            let mut ready = self.ready.lock();
            ready.items.push_back(item);
            self.ready_len.store(ready.items.len(), Ordering::SeqCst);
        }
    }

    /// Wakes a thread that waits, and tells those that watch this epoll.
    fn announce(&self) -> Reaction {
        let woke = self.waiting.broadcast(IoEvents::READABLE);
        self.notifier.broadcast(IoEvents::READABLE);
        woke
    }

    /// Whether there are items to look at. In this order: items go from the one list to the other.
    pub(super) fn may_be_ready(&self) -> bool {
        self.ready_len.load(Ordering::SeqCst) > 0 || self.left.load(Ordering::SeqCst) > 0
    }

    /// Locks the list of items to look at, with those that became ready.
    pub(super) fn begin_scan(&self) -> MutexGuard<'_, VecDeque<Arc<Item>>> {
        // An epoll before those that it watches, which `nesting` keeps free of cycles.
        let mut scan = self.scan.lock_nested();
        if self.ready_len.load(Ordering::SeqCst) > 0 {
            let mut ready = self.ready.lock();
            scan.append(&mut ready.items);
            // In this order: whoever asks meanwhile sees that there's something, and waits for the scan.
            self.left.store(scan.len(), Ordering::SeqCst);
            self.ready_len.store(0, Ordering::SeqCst);
        }
        scan
    }

    /// Whether an item is ready. Those before it in the list, which aren't, are taken out.
    pub(super) fn has_ready_items(&self) -> bool {
        let mut scan = self.begin_scan();
        let mut is_ready = false;
        while !is_ready && let Some(item) = scan.pop_front() {
            let Some(file) = item.file() else { continue };
            item.is_queued.store(false, Ordering::SeqCst);
            is_ready = item.has_host_events() || file.poll().intersects(item.events());
            if is_ready && !item.is_queued.swap(true, Ordering::SeqCst) {
                scan.push_front(item);
            }
        }
        self.end_scan(scan);
        is_ready
    }

    pub(super) fn end_scan(&self, scan: MutexGuard<'_, VecDeque<Arc<Item>>>) {
        if self.left.load(Ordering::Relaxed) != scan.len() {
            self.left.store(scan.len(), Ordering::SeqCst);
        }
    }
}

const NOT_WATCHED: Error = Error::new(Errno::ENOENT, "the file isn't watched");

/// What threads that wait are told when there's another `epoll` of the host, which says nothing of files.
pub(super) const HOST_CHANGED: IoEvents = IoEvents::POLLMSG;

impl File for EpollFile {
    anonymous_file!("[eventpoll]");

    fn read(&self, _sink: &mut Sink<'_>) -> Result<usize> {
        Err(err!(EINVAL, "an epoll can't be read"))
    }

    fn write(&self, _source: &mut Source<'_>) -> Result<usize> {
        Err(err!(EINVAL, "an epoll can't be written"))
    }

    fn poll(&self) -> IoEvents {
        let is_ready = self.has_ready_items()
            || self.host.get().is_some_and(|host| {
                let mut fds = [PollFd::new(host.fd(), IoEvents::POLLIN.bits() as i16)];
                poll_now(&mut fds).is_ok_and(|count| count > 0)
            });
        IoEvents::READABLE.when(is_ready)
    }

    fn notifier(&self) -> Option<&Notifier> {
        Some(&self.notifier)
    }

    fn host_fd(&self) -> Option<&HostFd> {
        self.host.get().map(HostSet::fd)
    }
}
