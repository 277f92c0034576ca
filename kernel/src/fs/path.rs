//! From path names to dentries (`man 7 path_resolution`).

use super::dentry::Changes;
use super::inode::FileType;
use super::permission::{self, Access};
use super::{Dentry, FsView};
use crate::prelude::*;
use crate::process::Credentials;
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

/// Who walks, and in which tree.
pub struct Walker<'a> {
    /// Root and working directory.
    pub view: &'a FsView,
    /// Whose permissions count.
    pub credentials: &'a Credentials,
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

impl Walker<'_> {
    /// What a path means, from `base` on if it is relative.
    ///
    /// # Errors
    /// As `man 7 path_resolution`: `ENOENT`, `ENOTDIR`, `EACCES`, `ELOOP`, `ENAMETOOLONG`.
    pub fn resolve(&self, base: Option<&Arc<Dentry>>, path: &[u8], last: Last) -> Result<Arc<Dentry>> {
        if path.is_empty() {
            bail!(ENOENT, "the path is empty");
        }
        self.walk(self.start(base, path), path, last, &mut 0)
    }

    /// The directory of a path's last component.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub fn resolve_parent(&self, base: Option<&Arc<Dentry>>, path: &[u8]) -> Result<Parent> {
        if path.is_empty() {
            bail!(ENOENT, "the path is empty");
        }
        let start = self.start(base, path);
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
            b".." => Ok(self.above(&parent.dir)),
            name => parent.dir.child(name),
        }
    }

    /// As [`entry`](Self::entry), while no entry of the directory can change.
    ///
    /// # Errors
    /// As for `entry`.
    pub fn entry_locked(&self, parent: &Parent, lock: &MutexGuard<'_, Changes>) -> Result<Arc<Dentry>> {
        match parent.name.as_slice() {
            b"." | b".." => self.entry(parent),
            name => parent.dir.child_locked(name, lock),
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

    fn start(&self, base: Option<&Arc<Dentry>>, path: &[u8]) -> Arc<Dentry> {
        match base {
            _ if path.starts_with(b"/") => self.view.root().top(),
            Some(base) => base.clone(),
            None => self.view.cwd(),
        }
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
                dentry = self.above(&dentry);
                continue;
            }
            if name.len() > NAME_MAX {
                bail!(ENAMETOOLONG, "a component is longer than 255 bytes");
            }
            let child = dentry.child(name)?;
            if child.inode().kind() == FileType::Symlink && (!rest.is_empty() || last == Last::Follow) {
                count_link(links)?;
                dentry = match child.inode().follow() {
                    Some(target) => target?,
                    None => {
                        let target = child.inode().read_link()?;
                        if target.is_empty() {
                            bail!(ENOENT, "a symbolic link is empty");
                        }
                        let start = if target.starts_with(b"/") { self.view.root().top() } else { dentry };
                        self.walk(start, &target, Last::Follow, links)?
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
    fn above(&self, dentry: &Arc<Dentry>) -> Arc<Dentry> {
        let root = self.view.root().top();
        if Arc::ptr_eq(dentry, &root) { root } else { dentry.parent() }
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
