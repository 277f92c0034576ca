//! From a path and flags to an open file (`man 2 open`).

use super::dentry::Changes;
use super::file::{File, StatusFlags};
use super::inode::{FileType, Metadata, NewNode};
use super::inotify::{self, Events};
use super::path::{Last, Parent, Resolve, Walker};
use super::permission::{self, Access};
use super::{Claim, Dentry, FsView, InodeFile};
use crate::prelude::*;
use crate::process::{Credentials, Thread};
use crate::syscalls::args::{DirDesc, Flags};
use frame::sync::MutexGuard;

/// What `open` does when it makes a file.
const TMPFILE: StatusFlags = StatusFlags::O_TMPFILE_BIT.union(StatusFlags::O_DIRECTORY);

/// The directory that relative paths start from; `None` for the working directory.
///
/// # Errors
/// `EBADF`, `ENOTDIR`; neither if the path is absolute.
pub(crate) fn base(thread: &Thread, dir: DirDesc, path: &[u8]) -> Result<Option<Arc<Dentry>>> {
    match dir {
        DirDesc::Fd(fd) if !path.starts_with(b"/") => {
            let file = thread.file(fd)?;
            let dentry = file.as_inode_file().map(InodeFile::dentry).ok_or(err!(ENOTDIR, "not a directory"))?;
            if dentry.inode().kind() != FileType::Directory && !path.is_empty() {
                bail!(ENOTDIR, "not a directory");
            }
            Ok(Some(dentry.clone()))
        }
        _ => Ok(None),
    }
}

/// Opens a file as `openat(2)` does.
///
/// # Errors
/// As the man page says.
pub(crate) fn open_at(
    thread: &Thread,
    dir: DirDesc,
    path: &[u8],
    flags: StatusFlags,
    mode: u32,
) -> Result<Arc<dyn File>> {
    let base = base(thread, dir, path)?;
    let (view, credentials) = (thread.fs(), thread.credentials());
    let walker = Walker::new(&view, &credentials);
    open(&walker, base.as_ref(), path, flags, mode)
}

/// Opens a file as `openat2(2)` does, by a path that is resolved as `resolve` says.
///
/// # Errors
/// As the man page says.
pub(crate) fn open_restricted(
    thread: &Thread,
    dir: DirDesc,
    path: &[u8],
    resolve: Resolve,
    flags: StatusFlags,
    mode: u32,
) -> Result<Arc<dyn File>> {
    // Even an absolute path starts in the directory then.
    let base = base(thread, dir, if resolve.contains(Resolve::RESOLVE_IN_ROOT) { b"." } else { path })?;
    let (view, credentials) = (thread.fs(), thread.credentials());
    let scope = base.clone().unwrap_or_else(|| view.cwd());
    let walker = Walker::restricted(&view, &credentials, resolve, scope);
    open(&walker, base.as_ref(), path, flags, mode)
}

pub(super) fn open(
    walker: &Walker<'_>,
    base: Option<&Arc<Dentry>>,
    path: &[u8],
    flags: StatusFlags,
    mode: u32,
) -> Result<Arc<dyn File>> {
    if flags.contains(StatusFlags::O_TMPFILE_BIT) && !flags.contains(StatusFlags::O_PATH) {
        if !flags.contains(TMPFILE) || flags.contains(StatusFlags::O_CREAT) {
            bail!(EINVAL, "O_TMPFILE without O_DIRECTORY, or with O_CREAT");
        }
        return open_unnamed(walker, base, path, flags, mode);
    }
    if flags.contains(StatusFlags::O_CREAT) && !flags.contains(StatusFlags::O_PATH) {
        return create(walker, base, path, flags, mode);
    }
    let last = if flags.contains(StatusFlags::O_NOFOLLOW) { Last::NoFollow } else { Last::Follow };
    let dentry = walker.resolve(base, path, last)?;
    open_dentry(walker, dentry, flags)
}

fn create(
    walker: &Walker<'_>,
    base: Option<&Arc<Dentry>>,
    path: &[u8],
    flags: StatusFlags,
    mode: u32,
) -> Result<Arc<dyn File>> {
    if flags.contains(StatusFlags::O_DIRECTORY) {
        bail!(EINVAL, "O_CREAT with O_DIRECTORY");
    }
    let mut parent = walker.resolve_parent(base, path)?;
    let mut links = 0;
    loop {
        if parent.has_slash || matches!(parent.name.as_slice(), b"." | b"..") {
            bail!(EISDIR, "the path means a directory");
        }
        let found = match walker.entry(&parent) {
            Err(error) if error.errno() == Errno::ENOENT => {
                let lock = parent.dir.lock_changes();
                match walker.entry_locked(&parent, &lock) {
                    Err(error) if error.errno() == Errno::ENOENT => {
                        let mode = mode & !walker.view().umask() & 0o7777;
                        let made = make_node(walker, &parent, NewNode::Regular, mode, &lock)?;
                        drop(lock);
                        // Who makes a file may open it whatever its mode.
                        return finish(made, flags - StatusFlags::O_TRUNC);
                    }
                    found => found?,
                }
            }
            found => found?,
        };
        if flags.contains(StatusFlags::O_EXCL) {
            bail!(EEXIST, "the file exists");
        }
        match found.inode().kind() {
            FileType::Symlink if flags.contains(StatusFlags::O_NOFOLLOW) => bail!(ELOOP, "a symbolic link"),
            FileType::Symlink => match walker.follow(&parent.dir, &found)? {
                Some(target) => return open_dentry(walker, target, flags),
                None => parent = walker.link_target(&parent.dir, &found, &mut links)?,
            },
            FileType::Directory => bail!(EISDIR, "a directory"),
            _ => return open_dentry(walker, found, flags),
        }
    }
}

/// Makes an entry in a directory whose changes are locked, with all checks.
///
/// # Errors
/// `EEXIST`, `EACCES`, `EROFS`, `ENOENT` for a removed directory.
pub(crate) fn make_node(
    walker: &Walker<'_>,
    parent: &Parent,
    node: NewNode,
    mode: u32,
    _lock: &MutexGuard<'_, Changes>,
) -> Result<Arc<Dentry>> {
    let dir = &parent.dir;
    check_can_change(walker, dir)?;
    let owner = [walker.credentials().fsuid, walker.credentials().fsgid];
    let inode = dir.inode().create(&parent.name, node, mode, owner)?;
    let made = dir.adopt(&parent.name, inode);
    inotify::tell_entry(dir, &parent.name, made.inode(), Events::IN_CREATE);
    Ok(made)
}

/// Checks that entries of a directory may be made or removed.
///
/// # Errors
/// `EROFS`, `EACCES`, `ENOENT`, `ENOTDIR`.
pub(crate) fn check_can_change(walker: &Walker<'_>, dir: &Arc<Dentry>) -> Result<()> {
    if dir.inode().kind() != FileType::Directory {
        bail!(ENOTDIR, "not a directory");
    }
    if dir.is_deleted() {
        bail!(ENOENT, "the directory was removed");
    }
    permission::check(walker.credentials(), &dir.inode().access_metadata()?, Access::WRITE | Access::EXEC)?;
    if dir.inode().is_read_only() {
        bail!(EROFS, "the file system is read-only");
    }
    Ok(())
}

fn open_unnamed(
    walker: &Walker<'_>,
    base: Option<&Arc<Dentry>>,
    path: &[u8],
    flags: StatusFlags,
    mode: u32,
) -> Result<Arc<dyn File>> {
    if !flags.can_write() {
        bail!(EINVAL, "O_TMPFILE without writing");
    }
    let dir = walker.resolve(base, path, Last::Follow)?;
    check_can_change(walker, &dir)?;
    let owner = [walker.credentials().fsuid, walker.credentials().fsgid];
    let inode = dir.inode().create_unnamed(mode & !walker.view().umask() & 0o7777, owner)?;
    let ino = inode.metadata()?.ino;
    let name = format!("#{ino}");
    finish(Dentry::unnamed(name.as_bytes(), inode), flags - StatusFlags::O_DIRECTORY)
}

/// Opens what a path was resolved to.
fn open_dentry(walker: &Walker<'_>, dentry: Arc<Dentry>, flags: StatusFlags) -> Result<Arc<dyn File>> {
    let inode = dentry.inode();
    let kind = inode.kind();
    if flags.contains(StatusFlags::O_DIRECTORY) && kind != FileType::Directory {
        bail!(ENOTDIR, "not a directory");
    }
    if flags.contains(StatusFlags::O_PATH) {
        return Ok(Arc::new(InodeFile::new(dentry, None, flags)));
    }
    match kind {
        FileType::Symlink => bail!(ELOOP, "a symbolic link"),
        FileType::Socket => bail!(ENXIO, "a socket"),
        FileType::Directory if flags.can_write() || flags.contains(StatusFlags::O_TRUNC) => {
            bail!(EISDIR, "a directory can't be written");
        }
        _ => {}
    }
    let truncates = flags.contains(StatusFlags::O_TRUNC);
    let mut access = Access::empty();
    access.set(Access::READ, flags.can_read());
    access.set(Access::WRITE, flags.can_write() || truncates);
    let metadata = inode.access_metadata()?;
    permission::check(walker.credentials(), &metadata, access)?;
    if flags.contains(StatusFlags::O_NOATIME) {
        permission::check_owner(walker.credentials(), &metadata)?;
    }
    finish(dentry, flags)
}

fn finish(dentry: Arc<Dentry>, flags: StatusFlags) -> Result<Arc<dyn File>> {
    let inode = dentry.inode().clone();
    if inode.kind() == FileType::Directory {
        inotify::tell(&dentry, Events::IN_OPEN);
        return Ok(Arc::new(InodeFile::new(dentry, None, flags)));
    }
    let is_regular = inode.kind() == FileType::Regular;
    let writes = flags.can_write() || flags.contains(StatusFlags::O_TRUNC);
    let claim = if is_regular && writes { Some(Claim::write(&inode)?) } else { None };
    let handle = inode.open(flags)?;
    if !is_regular && let Some(file) = handle.clone().into_file(flags) {
        return file;
    }
    inotify::tell(&dentry, Events::IN_OPEN);
    let file = InodeFile::new(dentry, Some(handle), flags).with_claim(claim);
    if flags.contains(StatusFlags::O_TRUNC) && is_regular {
        super::truncate(&file, 0)?;
    }
    Ok(Arc::new(file))
}

/// Sets the length of an open file; mappings end where it ends then.
///
/// # Errors
/// What the file gives.
pub fn truncate(file: &dyn File, len: u64) -> Result<()> {
    file.truncate(len)?;
    // The host does so by itself for its own files.
    if file.is_mapped_from_memory() {
        crate::mm::end_mappings(&file.metadata()?, len)?;
    }
    Ok(())
}

/// A file that may be executed.
pub struct ExecutableFile {
    /// Its name.
    pub dentry: Arc<Dentry>,
    /// Its attributes.
    pub metadata: Metadata,
}

impl ExecutableFile {
    /// Opens it for reading.
    ///
    /// # Errors
    /// What the file system gives.
    pub fn open(&self) -> Result<Arc<dyn File>> {
        finish(self.dentry.clone(), StatusFlags::empty())
    }
}

/// Finds a program to be executed.
///
/// # Errors
/// `EACCES` if it's no regular file or may not be executed; what the path gives.
pub fn find_executable(view: &Arc<FsView>, credentials: &Arc<Credentials>, path: &[u8]) -> Result<ExecutableFile> {
    let walker = Walker::new(view, credentials);
    let dentry = walker.resolve(None, path, Last::Follow)?;
    executable(&walker, dentry)
}

/// As [`find_executable`], for `execveat(2)`.
///
/// # Errors
/// `EINVAL` for undefined flags, `ELOOP` for a symbolic link that isn't followed, and as above.
pub fn find_executable_at(
    thread: &Arc<Thread>,
    dir: DirDesc,
    path: &[u8],
    Flags(flags): Flags,
) -> Result<ExecutableFile> {
    const SYMLINK_NOFOLLOW: u32 = 0x100;
    const EMPTY_PATH: u32 = 0x1000;
    if flags & !(SYMLINK_NOFOLLOW | EMPTY_PATH) != 0 {
        bail!(EINVAL, "undefined flags");
    }
    let base = match (dir, base(thread, dir, path)) {
        // A file without a name is none that could be executed.
        (DirDesc::Fd(_), Err(error)) if path.is_empty() && error.errno() == Errno::ENOTDIR => {
            bail!(EACCES, "not a regular file");
        }
        (_, base) => base?,
    };
    let (view, credentials) = (thread.fs(), thread.credentials());
    let walker = Walker::new(&view, &credentials);
    let dentry = if path.is_empty() && flags & EMPTY_PATH != 0 {
        base.unwrap_or_else(|| view.cwd())
    } else {
        let last = if flags & SYMLINK_NOFOLLOW != 0 { Last::NoFollow } else { Last::Follow };
        walker.resolve(base.as_ref(), path, last)?
    };
    if dentry.inode().kind() == FileType::Symlink {
        bail!(ELOOP, "a symbolic link");
    }
    executable(&walker, dentry)
}

fn executable(walker: &Walker<'_>, dentry: Arc<Dentry>) -> Result<ExecutableFile> {
    let metadata: Metadata = dentry.inode().metadata()?;
    if metadata.kind != FileType::Regular {
        bail!(EACCES, "not a regular file");
    }
    permission::check(walker.credentials(), &metadata, Access::EXEC)?;
    Ok(ExecutableFile { dentry, metadata })
}
