//! What a descriptor of `inotify_init` stands for.

use super::events::{Event, Events};
use super::watches;
use crate::events::{Anonymous, Blocking, IoEvents, Notifier, anonymous_file};
use crate::fs::{File, Inode, StatusFlags};
use crate::prelude::*;
use crate::process::Thread;
use core::sync::atomic::{AtomicUsize, Ordering};
use frame::sync::WaitQueue;

/// The most instances (`fs.inotify.max_user_instances`).
const MAX_INSTANCES: usize = 128;
/// The most watches (`fs.inotify.max_user_watches`).
const MAX_WATCHES: usize = 65536;
/// The most events that wait to be read (`fs.inotify.max_queued_events`).
const MAX_QUEUED: usize = 16384;

static INSTANCES: AtomicUsize = AtomicUsize::new(0);

/// Watches and what they saw.
pub(super) struct Instance {
    this: Weak<Self>,
    watches: Mutex<Watches>,
    queue: Mutex<VecDeque<Event>>,
    readers: WaitQueue,
    notifier: Notifier,
    anonymous: Anonymous,
}

#[derive(Default)]
struct Watches {
    by_number: BTreeMap<i32, Watch>,
    last: i32,
}

struct Watch {
    inode: Arc<dyn Inode>,
    wanted: Events,
}

/// What is done with a watch that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IfWatched {
    /// It wants to know these events instead.
    Replace,
    /// It wants to know these as well.
    Add,
    /// Nothing (`EEXIST`).
    Fail,
}

impl Instance {
    /// An instance without watches.
    ///
    /// # Errors
    /// `EMFILE` if there are too many.
    pub(super) fn new(status: StatusFlags) -> Result<Arc<Self>> {
        if INSTANCES.fetch_add(1, Ordering::SeqCst) >= MAX_INSTANCES {
            INSTANCES.fetch_sub(1, Ordering::SeqCst);
            bail!(EMFILE, "there are too many inotify instances");
        }
        Ok(Arc::new_cyclic(|this| Self {
            this: this.clone(),
            watches: Mutex::default(),
            queue: Mutex::default(),
            readers: WaitQueue::new(),
            notifier: Notifier::new(),
            anonymous: Anonymous::new(status),
        }))
    }

    /// Watches an inode; gives the watch's number.
    ///
    /// # Errors
    /// `EEXIST` as wanted, `ENOSPC` if there are too many.
    pub(super) fn watch(&self, inode: &Arc<dyn Inode>, wanted: Events, if_watched: IfWatched) -> Result<i32> {
        let mut watches = self.watches.lock();
        let key = watches::key(inode);
        if let Some((number, watch)) = watches.by_number.iter_mut().find(|(_, watch)| watches::key(&watch.inode) == key)
        {
            match if_watched {
                IfWatched::Fail => bail!(EEXIST, "the file is watched"),
                IfWatched::Add => watch.wanted |= wanted,
                IfWatched::Replace => watch.wanted = wanted,
            }
            return Ok(*number);
        }
        if watches.by_number.len() >= MAX_WATCHES {
            bail!(ENOSPC, "there are too many watches");
        }
        let number = watches.last.checked_add(1).ok_or(err!(ENOSPC, "the numbers of watches are used up"))?;
        watches.last = number;
        watches.by_number.insert(number, Watch { inode: inode.clone(), wanted });
        watches::add(key, self.this.clone());
        Ok(number)
    }

    /// Gives a watch up.
    ///
    /// # Errors
    /// `EINVAL` if there's none of this number.
    pub(super) fn unwatch(&self, number: i32) -> Result<()> {
        let removed = self.watches.lock().by_number.remove(&number).ok_or(err!(EINVAL, "no such watch"))?;
        watches::remove(watches::key(&removed.inode), self);
        self.queue(Event { watch: number, events: Events::IN_IGNORED, cookie: 0, name: Vec::new() });
        Ok(())
    }

    /// Something happened to the inode of this key, or to its entry `name`.
    pub(super) fn tell(&self, key: usize, events: Events, cookie: u32, name: &[u8], is_unlinked: bool) {
        let found = {
            let watches = self.watches.lock();
            let found = watches.by_number.iter().find(|(_, watch)| watches::key(&watch.inode) == key);
            found.map(|(number, watch)| (*number, watch.wanted))
        };
        let Some((number, wanted)) = found else { return };
        if !wanted.intersects(events & Events::ALL) || is_unlinked && wanted.contains(Events::IN_EXCL_UNLINK) {
            return;
        }
        self.queue(Event { watch: number, events, cookie, name: name.to_vec() });
        if wanted.contains(Events::IN_ONESHOT) {
            // Another thread may have given it up meanwhile.
            let _ = self.unwatch(number);
        }
    }

    /// The inode of this key is gone, and so is its watch.
    pub(super) fn tell_gone(&self, key: usize) {
        let number = {
            let watches = self.watches.lock();
            watches.by_number.iter().find(|(_, watch)| watches::key(&watch.inode) == key).map(|(number, _)| *number)
        };
        if let Some(number) = number {
            let _ = self.unwatch(number);
        }
    }

    fn queue(&self, event: Event) {
        {
            let mut queue = self.queue.lock();
            if queue.back() == Some(&event) {
                return;
            }
            let overflow = Event { watch: -1, events: Events::IN_Q_OVERFLOW, cookie: 0, name: Vec::new() };
            match queue.len() {
                len if len < MAX_QUEUED => queue.push_back(event),
                _ if queue.back() == Some(&overflow) => return,
                _ => queue.push_back(overflow),
            }
        }
        self.readers.wake_all();
        self.notifier.broadcast(IoEvents::READABLE);
    }

    /// Takes what fits into `room` bytes, if there's something.
    fn take(&self, room: usize) -> Option<Result<Vec<u8>>> {
        let mut queue = self.queue.lock();
        let first = queue.front()?;
        if first.len() > room {
            return Some(Err(err!(EINVAL, "the buffer is too small for the next event")));
        }
        let mut bytes = Vec::new();
        while let Some(event) = queue.front()
            && bytes.len() + event.len() <= room
        {
            bytes.extend(event.to_bytes());
            queue.pop_front();
        }
        Some(Ok(bytes))
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        for watch in core::mem::take(self.watches.get_mut()).by_number.into_values() {
            watches::remove(watches::key(&watch.inode), self);
        }
        INSTANCES.fetch_sub(1, Ordering::SeqCst);
    }
}

impl File for Instance {
    anonymous_file!("inotify");

    fn read(&self, sink: &mut Sink<'_>) -> Result<usize> {
        let room = sink.remaining();
        let attempt = || {
            let empty = || Err(err!(EAGAIN, "nothing has happened"));
            self.take(room).or_else(|| (self.anonymous.blocking() == Blocking::DontWait).then(empty))
        };
        let bytes = self.readers.wait_until(None, attempt).map_err(|_| Error::from(Errno::ERESTARTSYS))??;
        sink.put(&bytes)
    }

    fn write(&self, _source: &mut Source<'_>) -> Result<usize> {
        Err(err!(EBADF, "an inotify instance can't be written"))
    }

    fn poll(&self) -> IoEvents {
        IoEvents::READABLE.when(!self.queue.lock().is_empty())
    }

    fn notifier(&self) -> Option<&Notifier> {
        Some(&self.notifier)
    }

    fn ioctl(&self, _thread: &Arc<Thread>, request: u32, argument: u64) -> Result<usize> {
        const FIONREAD: u32 = 0x541b;
        if request != FIONREAD {
            bail!(ENOTTY, "an inotify instance has no such request");
        }
        let len: usize = self.queue.lock().iter().map(Event::len).sum();
        UserPtr::<u32>::new(argument as usize).write(&(len as u32))?;
        Ok(0)
    }
}
