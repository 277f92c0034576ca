//! Directories: reading them, and the working one.

use super::{AtFlags, Walk};
use crate::fs::permission::{self, Access};
use crate::fs::{DirEntry, FileType, InodeFile};
use crate::prelude::*;
use crate::syscalls::Context;
use crate::syscalls::args::{DirDesc, FileDesc, UserPath};

/// `getdents64(2)`.
pub fn getdents64(cx: Context<'_>, fd: FileDesc, buffer: UserPtr<u8>, count: u32) -> Result<usize> {
    const HEADER: usize = 19;
    list(&cx, fd, buffer, count, |entry, next, record| {
        let len = (HEADER + entry.name.len() + 1).next_multiple_of(8);
        record.extend(entry.ino.to_le_bytes());
        record.extend(next.to_le_bytes());
        record.extend((len as u16).to_le_bytes());
        record.push(entry.kind.dirent_type());
        record.extend(&entry.name);
        record.resize(len, 0);
    })
}

/// `getdents(2)`, whose entries have the type behind the name.
pub fn getdents(cx: Context<'_>, fd: FileDesc, buffer: UserPtr<u8>, count: u32) -> Result<usize> {
    const HEADER: usize = 18;
    list(&cx, fd, buffer, count, |entry, next, record| {
        let len = (HEADER + entry.name.len() + 2).next_multiple_of(8);
        record.extend(entry.ino.to_le_bytes());
        record.extend(next.to_le_bytes());
        record.extend((len as u16).to_le_bytes());
        record.extend(&entry.name);
        record.resize(len, 0);
        record[len - 1] = entry.kind.dirent_type();
    })
}

fn list(
    cx: &Context<'_>,
    fd: FileDesc,
    buffer: UserPtr<u8>,
    count: u32,
    encode: impl Fn(&DirEntry, u64, &mut Vec<u8>),
) -> Result<usize> {
    const MAX: usize = 1 << 20;
    let file = cx.thread.file(fd)?;
    if file.status().contains(crate::fs::StatusFlags::O_PATH) {
        bail!(EBADF, "the file was opened with O_PATH");
    }
    let inode_file = file.as_inode_file().ok_or(err!(ENOTDIR, "not a directory"))?;
    let room = buffer.slice((count as usize).min(MAX))?;
    let mut done = 0;
    let mut failure = None;
    let mut record = Vec::new();
    inode_file.read_dir(|entry, next| {
        record.clear();
        encode(entry, next, &mut record);
        if done + record.len() > room.len() {
            if done == 0 {
                failure = Some(err!(EINVAL, "the buffer is too small for an entry"));
            }
            return false;
        }
        if let Err(error) = room.skip(done).write(&record) {
            failure = Some(error);
            return false;
        }
        done += record.len();
        true
    })?;
    match failure {
        Some(error) if done == 0 => Err(error),
        _ => Ok(done),
    }
}

/// `getcwd(2)`.
pub fn getcwd(cx: Context<'_>, buffer: UserPtr<u8>, size: usize) -> Result<usize> {
    let view = cx.thread.fs();
    let cwd = view.cwd();
    if cwd.is_deleted() {
        bail!(ENOENT, "the working directory was removed");
    }
    let mut path = cwd.path_from(&view.root().top());
    path.push(0);
    if path.len() > size {
        bail!(ERANGE, "the buffer is too small");
    }
    buffer.slice(path.len())?.write(&path)?;
    Ok(path.len())
}

/// `chdir(2)`.
pub fn chdir(cx: Context<'_>, path: UserPath) -> Result<usize> {
    let path = path.read()?;
    let walk = Walk::new(cx.thread);
    let dentry = walk.resolve(cx.thread, DirDesc::Cwd, &path, AtFlags::empty())?;
    if dentry.inode().kind() != FileType::Directory {
        bail!(ENOTDIR, "not a directory");
    }
    permission::check(&walk.credentials, &dentry.inode().metadata()?, Access::EXEC)?;
    walk.view.set_cwd(dentry);
    Ok(0)
}

/// `fchdir(2)`.
pub fn fchdir(cx: Context<'_>, fd: FileDesc) -> Result<usize> {
    let file = cx.thread.file(fd)?;
    let dentry = file.as_inode_file().map(InodeFile::dentry).ok_or(err!(ENOTDIR, "not a directory"))?;
    if dentry.inode().kind() != FileType::Directory {
        bail!(ENOTDIR, "not a directory");
    }
    permission::check(&cx.thread.credentials(), &dentry.inode().metadata()?, Access::EXEC)?;
    cx.thread.fs().set_cwd(dentry.clone());
    Ok(0)
}

/// `chroot(2)`.
pub fn chroot(cx: Context<'_>, path: UserPath) -> Result<usize> {
    const CAP_SYS_CHROOT: u32 = 18;
    let path = path.read()?;
    let walk = Walk::new(cx.thread);
    let dentry = walk.resolve(cx.thread, DirDesc::Cwd, &path, AtFlags::empty())?;
    if dentry.inode().kind() != FileType::Directory {
        bail!(ENOTDIR, "not a directory");
    }
    permission::check(&walk.credentials, &dentry.inode().metadata()?, Access::EXEC)?;
    if !walk.credentials.has_cap(CAP_SYS_CHROOT) {
        bail!(EPERM, "only root may change the root directory");
    }
    walk.view.set_root(dentry);
    Ok(0)
}
