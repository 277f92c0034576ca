//! From path names to dentries (`man 7 path_resolution`).

use super::dentry::Changes;
use super::inode::FileType;
use super::permission::{self, Access};
use super::{Dentry, FsView};
use crate::prelude::*;
use crate::process::Credentials;
use bitflags::bitflags;
use frame::sync::MutexGuard;

/// How many symbolic links a path may pass.
const MAX_LINKS: u32 = 40;
/// The longest name.
const NAME_MAX: usize = 255;

/// Whether a symbolic link at the end of a path is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    /// It is.
    Follow,
    /// The path means the link itself.
    NoFollow,
}

bitflags! {
    /// How paths are resolved otherwise than usually (`man 2 openat2`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Resolve: u64 {
        /// Not into another file system.
        const RESOLVE_NO_XDEV = 1;
        /// Not by the links that `/proc` has to files.
        const RESOLVE_NO_MAGICLINKS = 2;
        /// Not by any symbolic link.
        const RESOLVE_NO_SYMLINKS = 4;
        /// Not out of the directory that the path starts in.
        const RESOLVE_BENEATH = 8;
        /// As if that directory was the root.
        const RESOLVE_IN_ROOT = 0x10;
        /// Not if the host had to be asked.
        const RESOLVE_CACHED = 0x20;
    }
}

impl Resolve {
    /// Whether the path stays in the directory that it starts in.
    fn is_scoped(self) -> bool {
        self.intersects(Self::RESOLVE_BENEATH | Self::RESOLVE_IN_ROOT)
    }
}

/// Who walks, and in which tree.
pub struct Walker<'a> {
    view: &'a FsView,
    credentials: &'a Credentials,
    resolve: Resolve,
    /// The directory that scoped paths stay in.
    scope: Option<Arc<Dentry>>,
}

/// The directory that a path's last component is in, and that component.
#[derive(Clone)]
pub struct Parent {
    /// The directory.
    pub dir: Arc<Dentry>,
    /// The last component; may be `.` or `..`.
    pub name: Vec<u8>,
    /// Whether slashes follow it, so that it must be a directory.
    pub has_slash: bool,
}

impl<'a> Walker<'a> {
    /// One that walks as usual, with the root and working directory of a view and somebody's permissions.
    pub fn new(view: &'a FsView, credentials: &'a Credentials) -> Self {
        Self { view, credentials, resolve: Resolve::empty(), scope: None }
    }

    /// One that walks as `resolve` says, in `scope` if that is scoped.
    pub fn restricted(view: &'a FsView, credentials: &'a Credentials, resolve: Resolve, scope: Arc<Dentry>) -> Self {
        Self { view, credentials, resolve, scope: resolve.is_scoped().then_some(scope) }
    }

    /// Root and working directory.
    pub fn view(&self) -> &FsView {
        self.view
    }

    /// Whose permissions count.
    pub fn credentials(&self) -> &Credentials {
        self.credentials
    }

    /// What a path means, from `base` on if it is relative.
    ///
    /// # Errors
    /// As `man 7 path_resolution`: `ENOENT`, `ENOTDIR`, `EACCES`, `ELOOP`, `ENAMETOOLONG`. If restricted, `EXDEV`, `ELOOP`
    /// and `EAGAIN` as `man 2 openat2`.
    pub fn resolve(&self, base: Option<&Arc<Dentry>>, path: &[u8], last: Last) -> Result<Arc<Dentry>> {
        if path.is_empty() {
            bail!(ENOENT, "the path is empty");
        }
        self.walk(self.start(base, path)?, path, last, &mut 0)
    }

    /// The directory of a path's last component.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub fn resolve_parent(&self, base: Option<&Arc<Dentry>>, path: &[u8]) -> Result<Parent> {
        if path.is_empty() {
            bail!(ENOENT, "the path is empty");
        }
        let start = self.start(base, path)?;
        let trimmed = trim_slashes(path);
        let (dir, name) = match trimmed.iter().rposition(|&byte| byte == b'/') {
            Some(slash) => trimmed.split_at(slash + 1),
            None => trimmed.split_at(0),
        };
        let dir = self.walk(start, dir, Last::Follow, &mut 0)?;
        if dir.inode().kind() != FileType::Directory {
            bail!(ENOTDIR, "a component of the path is not a directory");
        }
        self.check_search(&dir)?;
        if name.len() > NAME_MAX {
            bail!(ENAMETOOLONG, "a component is longer than 255 bytes");
        }
        let name = if name.is_empty() { b"." } else { name };
        Ok(Parent { dir, name: name.to_vec(), has_slash: trimmed.len() < path.len() })
    }

    /// The entry that a [`Parent`] names, a symbolic link itself.
    ///
    /// # Errors
    /// `ENOENT` and so on.
    pub fn entry(&self, parent: &Parent) -> Result<Arc<Dentry>> {
        match parent.name.as_slice() {
            b"." => Ok(parent.dir.clone()),
            b".." => self.above(&parent.dir),
            name => self.within(&parent.dir, parent.dir.child(name)?),
        }
    }

    /// As [`entry`](Self::entry), while no entry of the directory can change.
    ///
    /// # Errors
    /// As for `entry`.
    pub fn entry_locked(&self, parent: &Parent, lock: &MutexGuard<'_, Changes>) -> Result<Arc<Dentry>> {
        match parent.name.as_slice() {
            b"." | b".." => self.entry(parent),
            name => self.within(&parent.dir, parent.dir.child_locked(name, lock)?),
        }
    }

    /// Where a symbolic link in `dir` leads, not followed further itself: the parent of its target's last component.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub fn link_target(&self, dir: &Arc<Dentry>, link: &Arc<Dentry>, links: &mut u32) -> Result<Parent> {
        count_link(links)?;
        let target = link.inode().read_link()?;
        self.resolve_parent(Some(dir), &target)
    }

    /// The file that a link of `/proc` in `dir` leads to; nothing for any other symbolic link.
    ///
    /// # Errors
    /// `ENOENT`, `EACCES` and so on.
    pub fn follow(&self, dir: &Arc<Dentry>, link: &Arc<Dentry>) -> Result<Option<Arc<Dentry>>> {
        if self.resolve.contains(Resolve::RESOLVE_NO_SYMLINKS) {
            bail!(ELOOP, "a symbolic link is in the path");
        }
        let Some(target) = link.inode().follow() else { return Ok(None) };
        if self.resolve.contains(Resolve::RESOLVE_NO_MAGICLINKS) {
            bail!(ELOOP, "a link of /proc is in the path");
        }
        let target = target?;
        if self.scope.is_some() {
            bail!(EXDEV, "a link of /proc leads out of the directory");
        }
        self.within(dir, target).map(Some)
    }

    fn start(&self, base: Option<&Arc<Dentry>>, path: &[u8]) -> Result<Arc<Dentry>> {
        if !path.starts_with(b"/") {
            return Ok(base.cloned().unwrap_or_else(|| self.view.cwd()));
        }
        match &self.scope {
            Some(_) if self.resolve.contains(Resolve::RESOLVE_BENEATH) => {
                Err(err!(EXDEV, "an absolute path leads out of the directory"))
            }
            Some(scope) => Ok(scope.clone()),
            None => {
                let root = self.view.root().top();
                base.map_or(Ok(root.clone()), |base| self.within(base, root))
            }
        }
    }

    /// `next`, which a path reaches from `dentry`, if it may change file systems in between or doesn't.
    fn within(&self, dentry: &Arc<Dentry>, next: Arc<Dentry>) -> Result<Arc<Dentry>> {
        if self.resolve.contains(Resolve::RESOLVE_NO_XDEV) && !dentry.is_mounted_with(&next) {
            bail!(EXDEV, "the path leads to another file system");
        }
        Ok(next)
    }

    fn walk(&self, start: Arc<Dentry>, path: &[u8], last: Last, links: &mut u32) -> Result<Arc<Dentry>> {
        let mut dentry = start;
        let mut rest = path;
        loop {
            rest = skip_slashes(rest);
            if rest.is_empty() {
                return Ok(dentry);
            }
            let end = rest.iter().position(|&byte| byte == b'/').unwrap_or(rest.len());
            let (name, behind) = rest.split_at(end);
            rest = behind;
            if dentry.inode().kind() != FileType::Directory {
                bail!(ENOTDIR, "a component of the path is not a directory");
            }
            self.check_search(&dentry)?;
            if name == b"." {
                continue;
            }
            if name == b".." {
                dentry = self.above(&dentry)?;
                continue;
            }
            if name.len() > NAME_MAX {
                bail!(ENAMETOOLONG, "a component is longer than 255 bytes");
            }
            let child = self.within(&dentry, dentry.child(name)?)?;
            if child.inode().kind() == FileType::Symlink && (!rest.is_empty() || last == Last::Follow) {
                count_link(links)?;
                dentry = match self.follow(&dentry, &child)? {
                    Some(target) => target,
                    None => {
                        let target = child.inode().read_link()?;
                        if target.is_empty() {
                            bail!(ENOENT, "a symbolic link is empty");
                        }
                        self.walk(self.start(Some(&dentry), &target)?, &target, Last::Follow, links)?
                    }
                };
            } else {
                dentry = child;
            }
            // Slashes at the end ask for a directory.
            if !rest.is_empty() && dentry.inode().kind() != FileType::Directory {
                bail!(ENOTDIR, "a component of the path is not a directory");
            }
        }
    }

    /// `..`, which doesn't lead out of the root.
    fn above(&self, dentry: &Arc<Dentry>) -> Result<Arc<Dentry>> {
        let Some(scope) = &self.scope else {
            let root = self.view.root().top();
            return if Arc::ptr_eq(dentry, &root) { Ok(root) } else { self.within(dentry, dentry.parent()) };
        };
        if Arc::ptr_eq(dentry, scope) {
            if self.resolve.contains(Resolve::RESOLVE_BENEATH) {
                bail!(EXDEV, "the path leads out of the directory");
            }
            return Ok(scope.clone());
        }
        let parent = dentry.parent();
        if !parent.is_below(scope) {
            bail!(EAGAIN, "the path's directory was moved out of the other meanwhile");
        }
        self.within(dentry, parent)
    }

    fn check_search(&self, dir: &Arc<Dentry>) -> Result<()> {
        if permission::may_search_all(self.credentials) {
            return Ok(());
        }
        permission::check(self.credentials, &dir.inode().access_metadata()?, Access::EXEC)
    }
}

fn count_link(links: &mut u32) -> Result<()> {
    *links += 1;
    if *links > MAX_LINKS { Err(err!(ELOOP, "the path passes too many symbolic links")) } else { Ok(()) }
}

fn skip_slashes(path: &[u8]) -> &[u8] {
    let count = path.iter().take_while(|&&byte| byte == b'/').count();
    &path[count..]
}

fn trim_slashes(path: &[u8]) -> &[u8] {
    let count = path.iter().rev().take_while(|&&byte| byte == b'/').count();
    &path[..path.len() - count]
}
