//! Making, removing and renaming entries of directories.

use super::{AtFlags, Walk, only};
use crate::fs::dentry::{RENAMES, lock_both};
use crate::fs::inotify::{self, Events};
use crate::fs::path::{Last, Parent};
use crate::fs::permission;
use crate::fs::{Dentry, FileType, NewNode, RenameFlags, open};
use crate::prelude::*;
use crate::syscalls::Context;
use crate::syscalls::args::{DirDesc, Flags, Mode, UserPath};

/// The directory of a path's last component, for a call that makes or removes it.
fn parent(cx: &Context<'_>, walk: &Walk, dir: DirDesc, path: &[u8]) -> Result<Parent> {
    let base = open::base(cx.thread, dir, path)?;
    let parent = walk.walker().resolve_parent(base.as_ref(), path)?;
    if parent.dir.inode().kind() != FileType::Directory {
        bail!(ENOTDIR, "not a directory");
    }
    Ok(parent)
}

fn is_dots(name: &[u8]) -> bool {
    matches!(name, b"." | b"..")
}

fn make(cx: &Context<'_>, dir: DirDesc, path: &[u8], node: NewNode, mode: u32) -> Result<Arc<Dentry>> {
    let walk = Walk::new(cx.thread);
    let parent = parent(cx, &walk, dir, path)?;
    let lock = parent.dir.lock_changes();
    if is_dots(&parent.name) || walk.walker().entry_locked(&parent, &lock).is_ok() {
        bail!(EEXIST, "the name exists");
    }
    if parent.has_slash && !matches!(node, NewNode::Directory) {
        bail!(ENOENT, "only a directory's name may end with a slash");
    }
    open::make_node(&walk.walker(), &parent, node, mode, &lock)
}

/// `mkdir(2)`.
pub fn mkdir(cx: Context<'_>, path: UserPath, mode: Mode) -> Result<usize> {
    mkdirat(cx, DirDesc::Cwd, path, mode)
}

/// `mkdirat(2)`.
pub fn mkdirat(cx: Context<'_>, dir: DirDesc, path: UserPath, mode: Mode) -> Result<usize> {
    let path = path.read()?;
    let mode = mode.0 & !cx.thread.fs().umask() & 0o1777;
    make(&cx, dir, &path, NewNode::Directory, mode)?;
    Ok(0)
}

/// `mknod(2)`.
pub fn mknod(cx: Context<'_>, path: UserPath, mode: Mode, dev: u64) -> Result<usize> {
    mknodat(cx, DirDesc::Cwd, path, mode, dev)
}

/// `mknodat(2)`.
pub fn mknodat(cx: Context<'_>, dir: DirDesc, path: UserPath, mode: Mode, dev: u64) -> Result<usize> {
    const CAP_MKNOD: u32 = 27;
    let path = path.read()?;
    let kind = if mode.0 >> 12 == 0 { Some(FileType::Regular) } else { FileType::from_mode(mode.0) };
    let node = match kind {
        Some(FileType::Regular) => NewNode::Regular,
        Some(kind @ (FileType::Fifo | FileType::Socket)) => NewNode::Special(kind, 0),
        Some(kind @ (FileType::CharDevice | FileType::BlockDevice)) => {
            if !cx.thread.credentials().has_cap(CAP_MKNOD) {
                bail!(EPERM, "only root may make devices");
            }
            NewNode::Special(kind, dev)
        }
        Some(FileType::Directory) => bail!(EPERM, "mkdir makes directories"),
        _ => bail!(EINVAL, "no such type of file"),
    };
    let mode = mode.0 & 0o7777 & !cx.thread.fs().umask();
    make(&cx, dir, &path, node, mode)?;
    Ok(0)
}

/// `symlink(2)`.
pub fn symlink(cx: Context<'_>, target: UserPath, path: UserPath) -> Result<usize> {
    symlinkat(cx, target, DirDesc::Cwd, path)
}

/// `symlinkat(2)`.
pub fn symlinkat(cx: Context<'_>, target: UserPath, dir: DirDesc, path: UserPath) -> Result<usize> {
    let target = target.read()?;
    if target.is_empty() {
        bail!(ENOENT, "the target is empty");
    }
    let path = path.read()?;
    make(&cx, dir, &path, NewNode::Symlink(target), 0o777)?;
    Ok(0)
}

/// `link(2)`.
pub fn link(cx: Context<'_>, old: UserPath, new: UserPath) -> Result<usize> {
    linkat(cx, DirDesc::Cwd, old, DirDesc::Cwd, new, AtFlags::empty())
}

/// `linkat(2)`.
pub fn linkat(
    cx: Context<'_>,
    old_dir: DirDesc,
    old: UserPath,
    new_dir: DirDesc,
    new: UserPath,
    flags: AtFlags,
) -> Result<usize> {
    only(flags, AtFlags::AT_SYMLINK_FOLLOW | AtFlags::AT_EMPTY_PATH)?;
    let (old, new) = (old.read()?, new.read()?);
    let walk = Walk::new(cx.thread);
    let mut lookup = flags & AtFlags::AT_EMPTY_PATH;
    lookup.set(AtFlags::AT_SYMLINK_NOFOLLOW, !flags.contains(AtFlags::AT_SYMLINK_FOLLOW));
    let source = walk.resolve(cx.thread, old_dir, &old, lookup)?;
    let parent = parent(&cx, &walk, new_dir, &new)?;
    let lock = parent.dir.lock_changes();
    if is_dots(&parent.name) || walk.walker().entry_locked(&parent, &lock).is_ok() {
        bail!(EEXIST, "the new name exists");
    }
    if source.inode().file_system_id() != parent.dir.inode().file_system_id() {
        bail!(EXDEV, "another file system");
    }
    open::check_can_change(&walk.walker(), &parent.dir)?;
    if source.inode().kind() == FileType::Directory {
        bail!(EPERM, "a directory can't have a second name");
    }
    parent.dir.inode().link(&parent.name, source.inode())?;
    inotify::tell_inode(source.inode(), Events::IN_ATTRIB);
    inotify::tell_entry(&parent.dir, &parent.name, source.inode(), Events::IN_CREATE);
    Ok(0)
}

/// `unlink(2)`.
pub fn unlink(cx: Context<'_>, path: UserPath) -> Result<usize> {
    unlinkat(cx, DirDesc::Cwd, path, AtFlags::empty())
}

/// `rmdir(2)`.
pub fn rmdir(cx: Context<'_>, path: UserPath) -> Result<usize> {
    unlinkat(cx, DirDesc::Cwd, path, AtFlags::AT_REMOVEDIR)
}

/// `unlinkat(2)`.
pub fn unlinkat(cx: Context<'_>, dir: DirDesc, path: UserPath, flags: AtFlags) -> Result<usize> {
    only(flags, AtFlags::AT_REMOVEDIR)?;
    let path = path.read()?;
    let walk = Walk::new(cx.thread);
    let parent = parent(&cx, &walk, dir, &path)?;
    let wants_directory = flags.contains(AtFlags::AT_REMOVEDIR);
    match parent.name.as_slice() {
        b"." if wants_directory && path.iter().all(|&byte| byte == b'/') => bail!(EBUSY, "the root directory"),
        b"." if wants_directory => bail!(EINVAL, "the last component is ."),
        b".." if wants_directory => bail!(ENOTEMPTY, "the last component is .."),
        b"." | b".." => bail!(EISDIR, "a directory"),
        _ => {}
    }
    let dir = &parent.dir;
    let lock = dir.lock_changes();
    let entry = walk.walker().entry_locked(&parent, &lock)?;
    let inode = entry.inode();
    let is_directory = inode.kind() == FileType::Directory;
    if parent.has_slash && !is_directory {
        bail!(ENOTDIR, "not a directory");
    }
    if dir.inode().is_read_only() {
        bail!(EROFS, "the file system is read-only");
    }
    permission::check_remove(&walk.credentials, &dir.inode().access_metadata()?, &inode.access_metadata()?)?;
    if wants_directory && !is_directory {
        bail!(ENOTDIR, "not a directory");
    }
    if !wants_directory && is_directory {
        bail!(EISDIR, "a directory");
    }
    if entry.is_mounted() {
        bail!(EBUSY, "a mount point");
    }
    if wants_directory {
        dir.inode().rmdir(&parent.name)?;
    } else {
        dir.inode().unlink(&parent.name)?;
        inotify::tell_inode(inode, Events::IN_ATTRIB);
    }
    dir.forget(&parent.name);
    inotify::tell_gone(inode);
    inotify::tell_entry(dir, &parent.name, inode, Events::IN_DELETE);
    Ok(0)
}

/// `rename(2)`.
pub fn rename(cx: Context<'_>, old: UserPath, new: UserPath) -> Result<usize> {
    renameat2(cx, DirDesc::Cwd, old, DirDesc::Cwd, new, Flags(0))
}

/// `renameat(2)`.
pub fn renameat(cx: Context<'_>, old_dir: DirDesc, old: UserPath, new_dir: DirDesc, new: UserPath) -> Result<usize> {
    renameat2(cx, old_dir, old, new_dir, new, Flags(0))
}

/// `renameat2(2)`.
pub fn renameat2(
    cx: Context<'_>,
    old_dir: DirDesc,
    old: UserPath,
    new_dir: DirDesc,
    new: UserPath,
    flags: Flags,
) -> Result<usize> {
    let flags = match flags.0 {
        0 => RenameFlags::Replace,
        1 => RenameFlags::NoReplace,
        2 => RenameFlags::Exchange,
        _ => bail!(EINVAL, "undefined or contradicting flags"),
    };
    let (old, new) = (old.read()?, new.read()?);
    let walk = Walk::new(cx.thread);
    let from = parent(&cx, &walk, old_dir, &old)?;
    let to = parent(&cx, &walk, new_dir, &new)?;
    if from.dir.inode().file_system_id() != to.dir.inode().file_system_id() {
        bail!(EXDEV, "another file system");
    }
    if is_dots(&from.name) || is_dots(&to.name) {
        bail!(EBUSY, "the last component is . or ..");
    }
    // Without it, two renames could put each directory below the other.
    let _renames = (!Arc::ptr_eq(&from.dir, &to.dir)).then(|| RENAMES.lock());
    let (lock, _other) = lock_both(&from.dir, &to.dir);
    let source = walk.walker().entry_locked(&from, &lock)?;
    let target = match walk.walker().entry_locked(&to, &lock) {
        Ok(_) if flags == RenameFlags::NoReplace => bail!(EEXIST, "the new name exists"),
        Ok(target) => Some(target),
        Err(error) if error.errno() == Errno::ENOENT && flags != RenameFlags::Exchange => None,
        Err(error) => return Err(error),
    };
    let is_directory = source.inode().kind() == FileType::Directory;
    if !is_directory && (from.has_slash || to.has_slash) {
        bail!(ENOTDIR, "not a directory");
    }
    check_rename(&walk, &from, &source, &to, target.as_ref())?;
    if is_directory && to.dir.is_below(&source) {
        bail!(EINVAL, "a directory can't be moved into itself");
    }
    if let Some(target) = &target {
        if from.dir.is_below(target) {
            return Err(if flags == RenameFlags::Exchange { Errno::EINVAL.into() } else { Errno::ENOTEMPTY.into() });
        }
        let replaces_directory = target.inode().kind() == FileType::Directory;
        if flags == RenameFlags::Replace && is_directory && !replaces_directory {
            bail!(ENOTDIR, "a directory can't replace a file");
        }
        if flags == RenameFlags::Replace && !is_directory && replaces_directory {
            bail!(EISDIR, "a file can't replace a directory");
        }
        if source.inode().metadata()?.ino == target.inode().metadata()?.ino
            && source.inode().metadata()?.dev == target.inode().metadata()?.dev
        {
            return Ok(0);
        }
    }
    from.dir.inode().rename(&from.name, to.dir.inode(), &to.name, flags)?;
    source.inode().moved(to.dir.inode(), &to.name);
    if flags == RenameFlags::Exchange {
        if let Some(target) = &target {
            target.inode().moved(from.dir.inode(), &from.name);
        }
        // Both names are looked up anew.
        from.dir.forget_cached(&from.name);
        to.dir.forget_cached(&to.name);
    } else {
        from.dir.moved(&from.name, &to.dir, &to.name);
    }
    tell_renamed(&from, &source, &to, target.as_ref(), flags);
    Ok(0)
}

fn tell_renamed(from: &Parent, source: &Arc<Dentry>, to: &Parent, target: Option<&Arc<Dentry>>, flags: RenameFlags) {
    let (old, new) = ((&from.dir, from.name.as_slice()), (&to.dir, to.name.as_slice()));
    inotify::tell_moved(old, new, source.inode());
    match target {
        Some(target) if flags == RenameFlags::Exchange => {
            inotify::tell_inode(source.inode(), Events::IN_MOVE_SELF);
            inotify::tell_moved(new, old, target.inode());
            inotify::tell_inode(target.inode(), Events::IN_MOVE_SELF);
        }
        Some(target) => {
            inotify::tell_inode(target.inode(), Events::IN_ATTRIB);
            inotify::tell_inode(source.inode(), Events::IN_MOVE_SELF);
            inotify::tell_gone(target.inode());
        }
        None => inotify::tell_inode(source.inode(), Events::IN_MOVE_SELF),
    }
}

fn check_rename(
    walk: &Walk,
    from: &Parent,
    source: &Arc<Dentry>,
    to: &Parent,
    target: Option<&Arc<Dentry>>,
) -> Result<()> {
    let old_dir = from.dir.inode().access_metadata()?;
    permission::check_remove(&walk.credentials, &old_dir, &source.inode().access_metadata()?)?;
    open::check_can_change(&walk.walker(), &to.dir)?;
    if let Some(target) = target {
        let new_dir = to.dir.inode().access_metadata()?;
        permission::check_remove(&walk.credentials, &new_dir, &target.inode().access_metadata()?)?;
        if target.is_mounted() {
            bail!(EBUSY, "a mount point");
        }
    }
    let moves_directory = source.inode().kind() == FileType::Directory && !Arc::ptr_eq(&from.dir, &to.dir);
    if moves_directory {
        // Its `..` changes.
        permission::check(&walk.credentials, &source.inode().access_metadata()?, permission::Access::WRITE)?;
    }
    if source.is_mounted() {
        bail!(EBUSY, "a mount point");
    }
    if from.dir.inode().is_read_only() {
        bail!(EROFS, "the file system is read-only");
    }
    Ok(())
}

/// `readlink(2)`.
pub fn readlink(cx: Context<'_>, path: UserPath, buffer: UserPtr<u8>, size: i32) -> Result<usize> {
    readlinkat(cx, DirDesc::Cwd, path, buffer, size)
}

/// `readlinkat(2)`.
pub fn readlinkat(cx: Context<'_>, dir: DirDesc, path: UserPath, buffer: UserPtr<u8>, size: i32) -> Result<usize> {
    if size <= 0 {
        bail!(EINVAL, "the buffer has no room");
    }
    let path = path.read()?;
    let walk = Walk::new(cx.thread);
    let dentry = if path.is_empty() {
        let base = open::base(cx.thread, dir, &path)?.ok_or(Errno::ENOENT)?;
        if base.inode().kind() != FileType::Symlink {
            bail!(ENOENT, "the path is empty");
        }
        base
    } else {
        let base = open::base(cx.thread, dir, &path)?;
        walk.walker().resolve(base.as_ref(), &path, Last::NoFollow)?
    };
    if dentry.inode().kind() != FileType::Symlink {
        bail!(EINVAL, "not a symbolic link");
    }
    let target = dentry.inode().read_link()?;
    let len = target.len().min(size as usize);
    buffer.slice(len)?.write(&target[..len])
}

/// What `access(2)` asks for.
fn check_access(
    cx: &Context<'_>,
    dir: DirDesc,
    path: UserPath,
    mode: u32,
    flags: AtFlags,
    real: bool,
) -> Result<usize> {
    const KNOWN: u32 = 7;
    if mode & !KNOWN != 0 {
        bail!(EINVAL, "an undefined mode");
    }
    let path = path.read()?;
    let mut walk = Walk::new(cx.thread);
    if real {
        let mut credentials = (*walk.credentials).clone();
        (credentials.fsuid, credentials.fsgid) = (credentials.ruid, credentials.rgid);
        if credentials.has_root_fixup() {
            credentials.cap_effective = if credentials.ruid == 0 { credentials.cap_permitted } else { 0 };
        }
        walk.credentials = Arc::new(credentials);
    }
    let dentry = walk.resolve(cx.thread, dir, &path, flags)?;
    let metadata = dentry.inode().metadata()?;
    let access = permission::Access::from_bits_truncate(mode);
    permission::check(&walk.credentials, &metadata, access)?;
    let changes_file = matches!(metadata.kind, FileType::Regular | FileType::Directory | FileType::Symlink);
    if access.contains(permission::Access::WRITE) && changes_file && dentry.inode().is_read_only() {
        bail!(EROFS, "the file system is read-only");
    }
    Ok(0)
}

/// `access(2)`.
pub fn access(cx: Context<'_>, path: UserPath, mode: Mode) -> Result<usize> {
    check_access(&cx, DirDesc::Cwd, path, mode.0, AtFlags::empty(), true)
}

/// `faccessat(2)`.
pub fn faccessat(cx: Context<'_>, dir: DirDesc, path: UserPath, mode: Mode) -> Result<usize> {
    check_access(&cx, dir, path, mode.0, AtFlags::empty(), true)
}

/// `faccessat2(2)`.
pub fn faccessat2(cx: Context<'_>, dir: DirDesc, path: UserPath, mode: Mode, flags: Flags) -> Result<usize> {
    const AT_EACCESS: u32 = 0x200;
    let at_flags = AtFlags::from_bits_truncate(flags.0 & !AT_EACCESS);
    if flags.0 & !(AT_EACCESS | AtFlags::AT_SYMLINK_NOFOLLOW.bits() | AtFlags::AT_EMPTY_PATH.bits()) != 0 {
        bail!(EINVAL, "undefined flags");
    }
    check_access(&cx, dir, path, mode.0, at_flags, flags.0 & AT_EACCESS == 0)
}
