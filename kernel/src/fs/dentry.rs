//! Names in directories, cached.
//!
//! A dentry keeps its parent alive; a directory knows its children weakly, and the most recently used ones are kept
//! alive by one ring for all. What a lookup found stays good as long as its file system says
//! ([`Inode::entry_timeout_ns`]), and is asked for again then ([`Inode::revalidate`]): a dentry is replaced only when its
//! name has come to stand for something else, since open files, working directories and mounts hold on to dentries.
//!
//! Entries of a directory are looked up, made and removed under its [`Dentry::changes`], so that cache and file system
//! agree. Two directories are locked in the order that [`lock_both`] gives; renames between directories hold
//! [`RENAMES`] before.

use super::inode::Inode;
use crate::prelude::*;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use frame::ocall::time::{Clock, now};
use frame::sync::MutexGuard;
use hashbrown::HashMap;

/// A name in a directory, and the inode that it stands for.
pub struct Dentry {
    place: RwLock<Place>,
    inode: Arc<dyn Inode>,
    children: Mutex<HashMap<Box<[u8]>, Weak<Dentry>>>,
    changes: Mutex<Changes>,
    /// The root of the file system that is mounted here.
    mounted: RwLock<Option<Arc<Dentry>>>,
    is_mount_point: AtomicBool,
    /// Something is mounted here or below, so that it stays whatever becomes of the name.
    is_pinned: AtomicBool,
    /// When the name was last looked up, in nanoseconds of the monotonic clock.
    checked_ns: AtomicU64,
    is_deleted: AtomicBool,
}

struct Place {
    /// The directory; for a root, the mount point that it covers, if any.
    parent: Option<Arc<Dentry>>,
    name: Box<[u8]>,
    is_root: bool,
}

/// Dentries that are kept alive because they were used lately.
static RECENT: Mutex<VecDeque<Arc<Dentry>>> = Mutex::new(VecDeque::new());
const MAX_RECENT: usize = 8192;

/// Held by renames from one directory to another, so that what is above what stays as it is.
pub(crate) static RENAMES: Mutex<Renames> = Mutex::new(Renames);

/// What [`RENAMES`] protects.
#[derive(Debug)]
pub(crate) struct Renames;

/// Which entries a directory has.
#[derive(Debug)]
pub struct Changes;

/// Locks the entries of two directories, which may be the same.
pub(crate) fn lock_both<'a>(
    one: &'a Arc<Dentry>,
    other: &'a Arc<Dentry>,
) -> (MutexGuard<'a, Changes>, Option<MutexGuard<'a, Changes>>) {
    if Arc::ptr_eq(one, other) {
        return (one.changes.lock(), None);
    }
    let (first, second) = if Arc::as_ptr(one) < Arc::as_ptr(other) { (one, other) } else { (other, one) };
    (first.changes.lock(), Some(second.changes.lock()))
}

impl Dentry {
    /// The root of a file system, mounted nowhere yet or at the bottom of all.
    pub fn new_root(inode: Arc<dyn Inode>, covers: Option<Arc<Self>>) -> Arc<Self> {
        Arc::new(Self::new(Place { parent: covers, name: Box::default(), is_root: true }, inode))
    }

    fn new(place: Place, inode: Arc<dyn Inode>) -> Self {
        Self {
            place: RwLock::new(place),
            inode,
            children: Mutex::new(HashMap::new()),
            changes: Mutex::new(Changes),
            mounted: RwLock::new(None),
            is_mount_point: AtomicBool::new(false),
            is_pinned: AtomicBool::new(false),
            checked_ns: AtomicU64::new(0),
            is_deleted: AtomicBool::new(false),
        }
    }

    /// What the name stands for.
    pub fn inode(&self) -> &Arc<dyn Inode> {
        &self.inode
    }

    /// The entry `name`, through the cache; the root of what is mounted there.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR` and what the file system gives.
    pub fn child(self: &Arc<Self>, name: &[u8]) -> Result<Arc<Self>> {
        match self.cached(name) {
            Some(child) => Ok(child.top()),
            None => self.child_locked(name, &self.lock_changes()),
        }
    }

    /// As [`child`](Self::child), while no entry of the directory can change.
    ///
    /// # Errors
    /// As for `child`.
    pub fn child_locked(self: &Arc<Self>, name: &[u8], _lock: &MutexGuard<'_, Changes>) -> Result<Arc<Self>> {
        if let Some(child) = self.cached(name) {
            return Ok(child.top());
        }
        let inode = self.inode.lookup(name)?;
        Ok(self.adopt(name, inode).top())
    }

    /// Keeps the directory's entries as they are.
    pub fn lock_changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock()
    }

    /// Makes the dentry of an entry that was just looked up or created.
    pub fn adopt(self: &Arc<Self>, name: &[u8], inode: Arc<dyn Inode>) -> Arc<Self> {
        let timeout = inode.entry_timeout_ns();
        let place = Place { parent: Some(self.clone()), name: name.into(), is_root: false };
        let child = Arc::new(Self::new(place, inode));
        if timeout == 0 {
            return child;
        }
        if timeout != u64::MAX {
            child.checked_ns.store(monotonic_ns(), Ordering::Relaxed);
        }
        self.children.lock().insert(name.into(), Arc::downgrade(&child));
        let oldest = {
            let mut recent = RECENT.lock();
            recent.push_back(child.clone());
            if recent.len() > MAX_RECENT { recent.pop_front() } else { None }
        };
        drop(oldest);
        child
    }

    fn cached(&self, name: &[u8]) -> Option<Arc<Self>> {
        let child = self.children.lock().get(name)?.upgrade()?;
        let timeout = child.inode.entry_timeout_ns();
        if timeout == u64::MAX || child.is_pinned.load(Ordering::Relaxed) {
            return Some(child);
        }
        let now = monotonic_ns();
        if now.saturating_sub(child.checked_ns.load(Ordering::Relaxed)) >= timeout {
            if !child.inode.revalidate() {
                return None;
            }
            child.checked_ns.store(now, Ordering::Relaxed);
        }
        Some(child)
    }

    /// The root of what is mounted here, or itself.
    pub fn top(self: Arc<Self>) -> Arc<Self> {
        if !self.is_mount_point.load(Ordering::Relaxed) {
            return self;
        }
        let mounted = self.mounted.read().clone();
        match mounted {
            Some(root) => root.top(),
            None => self,
        }
    }

    /// Mounts the file system with this root inode here.
    pub fn mount(self: &Arc<Self>, root: Arc<dyn Inode>) -> Arc<Self> {
        let root = Self::new_root(root, Some(self.clone()));
        *self.mounted.write() = Some(root.clone());
        self.is_mount_point.store(true, Ordering::Relaxed);
        let mut above = Some(self.clone());
        while let Some(dentry) = above {
            dentry.is_pinned.store(true, Ordering::Relaxed);
            let parent = dentry.place.read().parent.clone();
            above = parent;
        }
        root
    }

    /// Whether something is mounted here, or this is what is mounted.
    pub fn is_mounted(&self) -> bool {
        self.is_mount_point.load(Ordering::Relaxed) || self.place.read().is_root
    }

    /// Whether `other` is in the same mounted file system.
    pub fn is_mounted_with(self: &Arc<Self>, other: &Arc<Self>) -> bool {
        Arc::ptr_eq(&self.mount_root(), &other.mount_root())
    }

    /// The root of the mounted file system that it's in; itself if it has no place in any.
    fn mount_root(self: &Arc<Self>) -> Arc<Self> {
        let mut dentry = self.clone();
        while let Some((parent, _)) = dentry.entry() {
            dentry = parent;
        }
        dentry
    }

    /// The name itself.
    pub fn name(&self) -> Vec<u8> {
        self.place.read().name.to_vec()
    }

    /// The directory that it is an entry of, and its name there; nothing for the root of a file system or a file without a
    /// name.
    pub(super) fn entry(&self) -> Option<(Arc<Self>, Vec<u8>)> {
        let place = self.place.read();
        if place.is_root { None } else { Some((place.parent.clone()?, place.name.to_vec())) }
    }

    /// The directory above, across mounts; itself at the very top.
    pub fn parent(self: &Arc<Self>) -> Arc<Self> {
        let mut dentry = self.clone();
        loop {
            let (above, is_root) = {
                let place = dentry.place.read();
                (place.parent.clone(), place.is_root)
            };
            match above {
                None => return dentry,
                Some(above) if is_root => dentry = above,
                Some(above) => return above,
            }
        }
    }

    /// Notes that the entry `name` is gone.
    pub fn forget(&self, name: &[u8]) {
        if let Some(child) = self.children.lock().remove(name).and_then(|child| child.upgrade()) {
            child.is_deleted.store(true, Ordering::Relaxed);
        }
    }

    /// Looks the entry `name` up anew the next time.
    pub fn forget_cached(&self, name: &[u8]) {
        let child = self.children.lock().remove(name);
        drop(child);
    }

    /// Notes that the entry `name` is now `new_name` in `new_dir`, in place of what was there.
    pub fn moved(&self, name: &[u8], new_dir: &Arc<Self>, new_name: &[u8]) {
        new_dir.forget(new_name);
        let child = self.children.lock().remove(name).and_then(|child| child.upgrade());
        if let Some(child) = child {
            *child.place.write() = Place { parent: Some(new_dir.clone()), name: new_name.into(), is_root: false };
            new_dir.children.lock().insert(new_name.into(), Arc::downgrade(&child));
        }
    }

    /// Whether `other` is this directory or above it.
    pub fn is_below(self: &Arc<Self>, other: &Arc<Self>) -> bool {
        let mut dentry = self.clone();
        loop {
            if Arc::ptr_eq(&dentry, other) {
                return true;
            }
            let parent = dentry.parent();
            if Arc::ptr_eq(&parent, &dentry) {
                return false;
            }
            dentry = parent;
        }
    }

    /// Its absolute path, as seen from `root`; with `(deleted)` behind it if the name is gone.
    pub fn path_from(self: &Arc<Self>, root: &Arc<Self>) -> Vec<u8> {
        self.path_below(Some(root))
    }

    /// Its absolute path from the very top.
    pub fn path(self: &Arc<Self>) -> Vec<u8> {
        self.path_below(None)
    }

    fn path_below(self: &Arc<Self>, root: Option<&Arc<Self>>) -> Vec<u8> {
        /// Room for most paths.
        const USUAL: usize = 96;
        // Backwards, as the names are met.
        let mut path = Vec::with_capacity(USUAL);
        let mut dentry = self.clone();
        while root.is_none_or(|root| !Arc::ptr_eq(&dentry, root)) {
            let above = {
                let place = dentry.place.read();
                if !place.is_root {
                    path.extend(place.name.iter().rev());
                    path.push(b'/');
                }
                place.parent.clone()
            };
            match above {
                Some(above) => dentry = above,
                None => break,
            }
        }
        path.reverse();
        if path.is_empty() {
            path.push(b'/');
        }
        if self.is_deleted() {
            path.extend_from_slice(b" (deleted)");
        }
        path
    }

    /// Whether the name is gone.
    pub fn is_deleted(&self) -> bool {
        self.is_deleted.load(Ordering::Relaxed)
    }

    /// A dentry below `parent` that nothing else keeps alive.
    #[cfg(test)]
    pub(super) fn child_for_test(parent: &Arc<Self>, name: &[u8], inode: Arc<dyn Inode>) -> Arc<Self> {
        let place = Place { parent: Some(parent.clone()), name: name.into(), is_root: false };
        Arc::new(Self::new(place, inode))
    }

    /// A dentry for a file without a name.
    pub fn unnamed(name: &[u8], inode: Arc<dyn Inode>) -> Arc<Self> {
        let dentry = Self::new(Place { parent: None, name: name.into(), is_root: false }, inode);
        dentry.is_deleted.store(true, Ordering::Relaxed);
        Arc::new(dentry)
    }
}

impl Dentry {
    /// Takes it out of its parent's children; gives the parent.
    fn detach(&mut self) -> Option<Arc<Self>> {
        let place = self.place.get_mut();
        let parent = place.parent.take()?;
        if !place.is_root {
            let mut children = parent.children.lock();
            // A newer dentry of the same name may have taken the place.
            if children.get(&place.name).is_some_and(|child| child.strong_count() == 0) {
                children.remove(&place.name);
            }
        }
        Some(parent)
    }
}

impl Drop for Dentry {
    /// One dentry after the other, since a recursion as deep as the directories would overflow the stack.
    fn drop(&mut self) {
        let mut parent = self.detach();
        while let Some(mut dentry) = parent.and_then(Arc::into_inner) {
            parent = dentry.detach();
        }
    }
}

fn monotonic_ns() -> u64 {
    now(Clock::MonotonicCoarse).as_nanos() as u64
}
