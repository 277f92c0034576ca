//! Who watches which inode.

use super::{Events, Instance};
use crate::fs::{Dentry, FileType, Inode};
use crate::prelude::*;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// Instances by the address of an inode that they watch.
static WATCHES: Mutex<BTreeMap<usize, Vec<Weak<Instance>>>> = Mutex::new(BTreeMap::new());
/// Number of inodes that are watched, so that telling nobody costs one load.
static WATCHED: AtomicUsize = AtomicUsize::new(0);

/// What an inode is known by while somebody holds on to it.
pub(super) fn key(inode: &Arc<dyn Inode>) -> usize {
    Arc::as_ptr(inode).addr()
}

/// An instance watches the inode of this key.
pub(super) fn add(key: usize, instance: Weak<Instance>) {
    let mut watches = WATCHES.lock();
    watches.entry(key).or_default().push(instance);
    WATCHED.store(watches.len(), Ordering::SeqCst);
}

/// It does no longer.
pub(super) fn remove(key: usize, instance: &Instance) {
    let mut watches = WATCHES.lock();
    if let Some(instances) = watches.get_mut(&key) {
        instances.retain(|other| !core::ptr::eq(other.as_ptr(), instance));
        if instances.is_empty() {
            watches.remove(&key);
        }
    }
    WATCHED.store(watches.len(), Ordering::SeqCst);
}

fn watchers(key: usize) -> Vec<Arc<Instance>> {
    let watches = WATCHES.lock();
    watches.get(&key).into_iter().flatten().filter_map(Weak::upgrade).collect()
}

fn nobody_watches() -> bool {
    WATCHED.load(Ordering::SeqCst) == 0
}

fn of_kind(inode: &Arc<dyn Inode>, events: Events) -> Events {
    if inode.kind() == FileType::Directory { events | Events::IN_ISDIR } else { events }
}

/// Something happened to a file: who watches it is told, and who watches its directory.
pub(crate) fn tell(dentry: &Arc<Dentry>, events: Events) {
    if nobody_watches() {
        return;
    }
    if let Some((dir, name)) = dentry.entry() {
        let key = key(dir.inode());
        for instance in watchers(key) {
            instance.tell(key, of_kind(dentry.inode(), events), 0, &name, dentry.is_deleted());
        }
    }
    tell_inode(dentry.inode(), events);
}

/// Something happened to an inode, which only who watches it itself is told of.
pub(crate) fn tell_inode(inode: &Arc<dyn Inode>, events: Events) {
    if nobody_watches() {
        return;
    }
    // As on Linux, it isn't said that a directory was moved.
    let events = if events == Events::IN_MOVE_SELF { events } else { of_kind(inode, events) };
    let key = key(inode);
    for instance in watchers(key) {
        instance.tell(key, events, 0, b"", false);
    }
}

/// The entry `name` of a directory, which is this inode, was made or removed.
pub(crate) fn tell_entry(dir: &Arc<Dentry>, name: &[u8], inode: &Arc<dyn Inode>, events: Events) {
    tell_entry_with(dir, name, inode, events, 0);
}

fn tell_entry_with(dir: &Arc<Dentry>, name: &[u8], inode: &Arc<dyn Inode>, events: Events, cookie: u32) {
    if nobody_watches() {
        return;
    }
    let key = key(dir.inode());
    for instance in watchers(key) {
        instance.tell(key, of_kind(inode, events), cookie, name, false);
    }
}

/// An entry was moved.
pub(crate) fn tell_moved(from: (&Arc<Dentry>, &[u8]), to: (&Arc<Dentry>, &[u8]), inode: &Arc<dyn Inode>) {
    static COOKIE: AtomicU32 = AtomicU32::new(1);
    if nobody_watches() {
        return;
    }
    let cookie = COOKIE.fetch_add(1, Ordering::Relaxed).max(1);
    tell_entry_with(from.0, from.1, inode, Events::IN_MOVED_FROM, cookie);
    tell_entry_with(to.0, to.1, inode, Events::IN_MOVED_TO, cookie);
}

/// An inode may have lost its last name: then who watches it is told, and does no longer.
pub(crate) fn tell_gone(inode: &Arc<dyn Inode>) {
    if nobody_watches() {
        return;
    }
    let key = key(inode);
    if inode.kind() != FileType::Directory && inode.metadata().is_ok_and(|metadata| metadata.nlink > 0) {
        return;
    }
    for instance in watchers(key) {
        // As on Linux, it isn't said that it was a directory.
        instance.tell(key, Events::IN_DELETE_SELF, 0, b"", false);
        instance.tell_gone(key);
    }
}
