//! What a thread sees of the file systems: its root and working directory, and its umask.

use super::Dentry;
use crate::prelude::*;
use core::sync::atomic::{AtomicU32, Ordering};

/// Root, working directory and umask.
pub struct FsView {
    root: RwLock<Arc<Dentry>>,
    cwd: RwLock<Arc<Dentry>>,
    umask: AtomicU32,
}

impl Clone for FsView {
    fn clone(&self) -> Self {
        Self { root: RwLock::new(self.root()), cwd: RwLock::new(self.cwd()), umask: AtomicU32::new(self.umask()) }
    }
}

impl FsView {
    /// A view of the tree below `root`.
    pub fn new(root: Arc<Dentry>, cwd: Arc<Dentry>, umask: u32) -> Self {
        Self { root: RwLock::new(root), cwd: RwLock::new(cwd), umask: AtomicU32::new(umask) }
    }

    /// The root directory.
    pub fn root(&self) -> Arc<Dentry> {
        self.root.read().clone()
    }

    /// Changes the root directory.
    pub fn set_root(&self, root: Arc<Dentry>) {
        *self.root.write() = root;
    }

    /// The working directory.
    pub fn cwd(&self) -> Arc<Dentry> {
        self.cwd.read().clone()
    }

    /// Changes the working directory.
    pub fn set_cwd(&self, cwd: Arc<Dentry>) {
        *self.cwd.write() = cwd;
    }

    /// The permissions that new files don't get.
    pub fn umask(&self) -> u32 {
        self.umask.load(Ordering::Relaxed)
    }

    /// Sets the umask and gives the old one.
    pub fn set_umask(&self, umask: u32) -> u32 {
        self.umask.swap(umask & 0o777, Ordering::Relaxed)
    }
}
