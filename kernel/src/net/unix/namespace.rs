//! Which socket has which name.

use super::{AnySocket, Name};
use crate::fs::path::{Last, Parent, Walker};
use crate::fs::permission::{self, Access};
use crate::fs::{Changes, Dentry, FileType, NewNode, make_node};
use crate::prelude::*;
use crate::process::Thread;
use core::sync::atomic::{AtomicU32, Ordering};
use frame::sync::MutexGuard;

/// What a name is to the table: an inode, which lives as long as a socket is bound to it, or an abstract one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Inode(u64, u64),
    Abstract(Vec<u8>),
}

static SOCKETS: Mutex<BTreeMap<Key, Weak<dyn AnySocket>>> = Mutex::new(BTreeMap::new());

/// A name in the table, until it's dropped.
pub(super) struct Binding {
    name: Name,
    key: Key,
    /// Keeps the inode's number from being used again.
    _place: Option<Arc<Dentry>>,
}

impl Binding {
    /// Its name.
    pub(super) fn name(&self) -> &Name {
        &self.name
    }
}

impl Drop for Binding {
    fn drop(&mut self) {
        let gone = SOCKETS.lock().remove(&self.key);
        drop(gone);
    }
}

/// Binds a socket to a name; to one that the LibOS chooses if it's none.
///
/// # Errors
/// `EADDRINUSE`, and what making the path gives.
pub(super) fn bind(thread: &Thread, name: Name, mode: u32, socket: Weak<dyn AnySocket>) -> Result<Binding> {
    match name {
        Name::Unnamed => bind_automatically(&socket),
        Name::Path(path) => bind_path(thread, path, mode, socket),
        Name::Abstract(name) => bind_abstract(name, &socket).ok_or(err!(EADDRINUSE, "another socket has the name")),
    }
}

/// Finds the socket of a name.
///
/// # Errors
/// `ECONNREFUSED` if no socket has it, `EACCES`, and what the path gives.
pub(super) fn find(thread: &Thread, name: &Name) -> Result<Arc<dyn AnySocket>> {
    let key = match name {
        Name::Unnamed => bail!(EINVAL, "an address without a name"),
        Name::Abstract(name) => Key::Abstract(name.clone()),
        Name::Path(path) => {
            let (view, credentials) = (thread.fs(), thread.credentials());
            let walker = Walker::new(&view, &credentials);
            let dentry = walker.resolve(None, path, Last::Follow)?;
            let metadata = dentry.inode().metadata()?;
            permission::check(&credentials, &metadata, Access::WRITE)?;
            if metadata.kind != FileType::Socket {
                bail!(ECONNREFUSED, "not a socket");
            }
            Key::Inode(metadata.dev, metadata.ino)
        }
    };
    let found = SOCKETS.lock().get(&key).and_then(Weak::upgrade);
    found.ok_or(err!(ECONNREFUSED, "no socket has the name"))
}

/// Checks that a path could be bound to.
///
/// # Errors
/// As for [`bind`].
pub(super) fn check_free(thread: &Thread, path: &[u8]) -> Result<()> {
    let (view, credentials) = (thread.fs(), thread.credentials());
    let walker = Walker::new(&view, &credentials);
    let parent = walker.resolve_parent(None, path)?;
    let lock = parent.dir.lock_changes();
    check_entry_free(&walker, &parent, &lock)
}

fn check_entry_free(walker: &Walker<'_>, parent: &Parent, lock: &MutexGuard<'_, Changes>) -> Result<()> {
    if parent.dir.inode().kind() != FileType::Directory {
        bail!(ENOTDIR, "not a directory");
    }
    if matches!(parent.name.as_slice(), b"" | b"." | b"..") || walker.entry_locked(parent, lock).is_ok() {
        bail!(EADDRINUSE, "the path exists");
    }
    if parent.has_slash {
        bail!(ENOENT, "only a directory's name may end with a slash");
    }
    Ok(())
}

fn bind_path(thread: &Thread, path: Vec<u8>, mode: u32, socket: Weak<dyn AnySocket>) -> Result<Binding> {
    let (view, credentials) = (thread.fs(), thread.credentials());
    let walker = Walker::new(&view, &credentials);
    let parent = walker.resolve_parent(None, &path)?;
    let made = {
        let lock = parent.dir.lock_changes();
        check_entry_free(&walker, &parent, &lock)?;
        let mode = mode & !view.umask() & 0o777;
        make_node(&walker, &parent, NewNode::Special(FileType::Socket, 0), mode, &lock)?
    };
    let metadata = made.inode().metadata()?;
    let key = Key::Inode(metadata.dev, metadata.ino);
    let replaced = SOCKETS.lock().insert(key.clone(), socket);
    drop(replaced);
    Ok(Binding { name: Name::Path(path), key, _place: Some(made) })
}

fn bind_abstract(name: Vec<u8>, socket: &Weak<dyn AnySocket>) -> Option<Binding> {
    let key = Key::Abstract(name.clone());
    let mut sockets = SOCKETS.lock();
    if sockets.contains_key(&key) {
        return None;
    }
    sockets.insert(key.clone(), socket.clone());
    Some(Binding { name: Name::Abstract(name), key, _place: None })
}

fn bind_automatically(socket: &Weak<dyn AnySocket>) -> Result<Binding> {
    // Five hexadecimal digits, as on Linux.
    const NAMES: u32 = 1 << 20;
    static NEXT: AtomicU32 = AtomicU32::new(1);
    (0..NAMES)
        .find_map(|_| {
            let number = NEXT.fetch_add(1, Ordering::Relaxed) % NAMES;
            bind_abstract(format!("{number:05x}").into_bytes(), socket)
        })
        .ok_or(err!(ENOSPC, "all automatic names are taken"))
}
