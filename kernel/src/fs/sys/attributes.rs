//! Changing attributes: modes, owners, times, extended attributes.

use super::{AtFlags, Walk, only};
use crate::fs::inode::CAPABILITY_XATTR;
use crate::fs::inotify::{self, Events};
use crate::fs::permission::{self, Access};
use crate::fs::{Dentry, FileType, Inode, SetAttributes, StatusFlags, Time};
use crate::prelude::*;
use crate::process::Credentials;
use crate::syscalls::Context;
use crate::syscalls::args::{DirDesc, FileDesc, Flags, Mode, UserPath, UserStr};
use frame::ocall::time::{Clock, now};

/// Whose attributes are asked for or changed.
struct Subject {
    inode: Arc<dyn Inode>,
    /// The name that it's known by, if it's known by one.
    dentry: Option<Arc<Dentry>>,
}

impl Subject {
    /// Tells who watches it that it has changed.
    fn changed(&self, events: Events) {
        match &self.dentry {
            Some(dentry) => inotify::tell(dentry, events),
            None => inotify::tell_inode(&self.inode, events),
        }
    }
}

/// An open file.
fn opened(cx: &Context<'_>, fd: FileDesc) -> Result<Subject> {
    let file = cx.thread.file(fd)?;
    if file.status().contains(StatusFlags::O_PATH) {
        bail!(EBADF, "the file was opened with O_PATH");
    }
    let inode = file.inode().ok_or(err!(EPERM, "the file's attributes can't be changed"))?;
    Ok(Subject { inode, dentry: file.as_inode_file().map(|file| file.dentry().clone()) })
}

fn named(cx: &Context<'_>, dir: DirDesc, path: UserPath, flags: AtFlags) -> Result<Subject> {
    let path = path.read()?;
    let dentry = Walk::new(cx.thread).resolve(cx.thread, dir, &path, flags)?;
    Ok(Subject { inode: dentry.inode().clone(), dentry: Some(dentry) })
}

fn check_writable(inode: &dyn Inode) -> Result<()> {
    if inode.is_read_only() { Err(err!(EROFS, "the file system is read-only")) } else { Ok(()) }
}

fn change_mode(cx: &Context<'_>, subject: &Subject, mode: u32) -> Result<usize> {
    const CAP_FSETID: u32 = 4;
    const SET_GID: u32 = 0o2000;
    let inode = &*subject.inode;
    check_writable(inode)?;
    if inode.kind() == FileType::Symlink {
        bail!(EOPNOTSUPP, "a symbolic link has no mode");
    }
    let credentials = cx.thread.credentials();
    let metadata = inode.metadata()?;
    permission::check_owner(&credentials, &metadata)?;
    let mut mode = mode & 0o7777;
    if !credentials.is_in_group(metadata.gid) && !credentials.has_cap(CAP_FSETID) {
        mode &= !SET_GID;
    }
    inode.set_attributes(SetAttributes { mode: Some(mode), ..SetAttributes::default() })?;
    subject.changed(Events::IN_ATTRIB);
    Ok(0)
}

/// `chmod(2)`.
pub fn chmod(cx: Context<'_>, path: UserPath, mode: Mode) -> Result<usize> {
    fchmodat(cx, DirDesc::Cwd, path, mode)
}

/// `fchmod(2)`.
pub fn fchmod(cx: Context<'_>, fd: FileDesc, mode: Mode) -> Result<usize> {
    let subject = opened(&cx, fd)?;
    change_mode(&cx, &subject, mode.0)
}

/// `fchmodat(2)`.
pub fn fchmodat(cx: Context<'_>, dir: DirDesc, path: UserPath, mode: Mode) -> Result<usize> {
    fchmodat2(cx, dir, path, mode, AtFlags::empty())
}

/// `fchmodat2(2)`.
pub fn fchmodat2(cx: Context<'_>, dir: DirDesc, path: UserPath, mode: Mode, flags: AtFlags) -> Result<usize> {
    only(flags, AtFlags::AT_SYMLINK_NOFOLLOW | AtFlags::AT_EMPTY_PATH)?;
    let subject = named(&cx, dir, path, flags)?;
    change_mode(&cx, &subject, mode.0)
}

fn change_owner(cx: &Context<'_>, subject: &Subject, uid: u32, gid: u32) -> Result<usize> {
    const UNCHANGED: u32 = u32::MAX;
    let inode = &*subject.inode;
    check_writable(inode)?;
    let uid = Some(uid).filter(|&uid| uid != UNCHANGED);
    let gid = Some(gid).filter(|&gid| gid != UNCHANGED);
    let metadata = inode.metadata()?;
    permission::check_chown(&cx.thread.credentials(), &metadata, uid, gid)?;
    // Set-id bits are for the old owner only.
    let mode = if metadata.kind == FileType::Directory || uid.is_none() && gid.is_none() {
        None
    } else {
        let set_gid = if metadata.mode & 0o010 != 0 { 0o2000 } else { 0 };
        let cleared = metadata.mode & !0o4000 & !set_gid;
        (cleared != metadata.mode).then_some(cleared)
    };
    inode.set_attributes(SetAttributes { mode, uid, gid, ..SetAttributes::default() })?;
    // As the set-id bits; a file without is none that they could be taken from.
    let _ = inode.set_xattr(CAPABILITY_XATTR, None, 0);
    subject.changed(Events::IN_ATTRIB);
    Ok(0)
}

/// `chown(2)`.
pub fn chown(cx: Context<'_>, path: UserPath, uid: u32, gid: u32) -> Result<usize> {
    fchownat(cx, DirDesc::Cwd, path, uid, gid, AtFlags::empty())
}

/// `lchown(2)`.
pub fn lchown(cx: Context<'_>, path: UserPath, uid: u32, gid: u32) -> Result<usize> {
    fchownat(cx, DirDesc::Cwd, path, uid, gid, AtFlags::AT_SYMLINK_NOFOLLOW)
}

/// `fchown(2)`.
pub fn fchown(cx: Context<'_>, fd: FileDesc, uid: u32, gid: u32) -> Result<usize> {
    let subject = opened(&cx, fd)?;
    change_owner(&cx, &subject, uid, gid)
}

/// `fchownat(2)`.
pub fn fchownat(cx: Context<'_>, dir: DirDesc, path: UserPath, uid: u32, gid: u32, flags: AtFlags) -> Result<usize> {
    only(flags, AtFlags::AT_SYMLINK_NOFOLLOW | AtFlags::AT_EMPTY_PATH)?;
    let subject = named(&cx, dir, path, flags)?;
    change_owner(&cx, &subject, uid, gid)
}

/// A time that a program passed to be set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NewTime {
    Now,
    Omit,
    At(Time),
}

fn change_times(cx: &Context<'_>, subject: &Subject, [atime, mtime]: [NewTime; 2]) -> Result<usize> {
    let inode = &*subject.inode;
    if [atime, mtime] == [NewTime::Omit; 2] {
        return Ok(0);
    }
    check_writable(inode)?;
    let credentials: Arc<Credentials> = cx.thread.credentials();
    let metadata = inode.metadata()?;
    let is_owner = permission::check_owner(&credentials, &metadata);
    if [atime, mtime] == [NewTime::Now; 2] {
        // Who may write the file may say that it was used now.
        is_owner.or_else(|_| permission::check(&credentials, &metadata, Access::WRITE))?;
    } else {
        is_owner?;
    }
    let present = || {
        let now = now(Clock::Realtime);
        Time { secs: now.as_secs() as i64, nanos: now.subsec_nanos() }
    };
    let value = |time| match time {
        NewTime::Now => Some(present()),
        NewTime::Omit => None,
        NewTime::At(time) => Some(time),
    };
    inode.set_attributes(SetAttributes { atime: value(atime), mtime: value(mtime), ..SetAttributes::default() })?;
    // Who sets but one of them makes it look as if the file had been used so (`man 7 inotify` doesn't say).
    let events = match (atime, mtime) {
        (NewTime::Omit, NewTime::Omit) => return Ok(0),
        (_, NewTime::Omit) => Events::IN_ACCESS,
        (NewTime::Omit, _) => Events::IN_MODIFY,
        _ => Events::IN_ATTRIB,
    };
    subject.changed(events);
    Ok(0)
}

fn from_timespec([secs, nanos]: [i64; 2]) -> Result<NewTime> {
    const UTIME_NOW: i64 = 0x3fff_ffff;
    const UTIME_OMIT: i64 = 0x3fff_fffe;
    match nanos {
        UTIME_NOW => Ok(NewTime::Now),
        UTIME_OMIT => Ok(NewTime::Omit),
        0..=999_999_999 => Ok(NewTime::At(Time { secs, nanos: nanos as u32 })),
        _ => Err(err!(EINVAL, "nanoseconds out of range")),
    }
}

fn from_timeval([secs, micros]: [i64; 2]) -> Result<NewTime> {
    match micros {
        0..=999_999 => Ok(NewTime::At(Time { secs, nanos: micros as u32 * 1000 })),
        _ => Err(err!(EINVAL, "microseconds out of range")),
    }
}

/// `utimensat(2)`.
pub fn utimensat(
    cx: Context<'_>,
    dir: DirDesc,
    path: UserPath,
    times: UserPtr<[[i64; 2]; 2]>,
    flags: AtFlags,
) -> Result<usize> {
    only(flags, AtFlags::AT_SYMLINK_NOFOLLOW | AtFlags::AT_EMPTY_PATH)?;
    let times = match times.non_null() {
        Some(times) => {
            let [atime, mtime] = times.read()?;
            [from_timespec(atime)?, from_timespec(mtime)?]
        }
        None => [NewTime::Now; 2],
    };
    // NULL means the descriptor itself, as `futimens` uses it.
    if path.0.is_null()
        && let DirDesc::Fd(fd) = dir
    {
        let subject = opened(&cx, fd)?;
        return change_times(&cx, &subject, times);
    }
    let subject = named(&cx, dir, path, flags)?;
    change_times(&cx, &subject, times)
}

/// `futimesat(2)`.
pub fn futimesat(cx: Context<'_>, dir: DirDesc, path: UserPath, times: UserPtr<[[i64; 2]; 2]>) -> Result<usize> {
    let times = match times.non_null() {
        Some(times) => {
            let [atime, mtime] = times.read()?;
            [from_timeval(atime)?, from_timeval(mtime)?]
        }
        None => [NewTime::Now; 2],
    };
    let subject = named(&cx, dir, path, AtFlags::empty())?;
    change_times(&cx, &subject, times)
}

/// `utimes(2)`.
pub fn utimes(cx: Context<'_>, path: UserPath, times: UserPtr<[[i64; 2]; 2]>) -> Result<usize> {
    futimesat(cx, DirDesc::Cwd, path, times)
}

/// `utime(2)`.
pub fn utime(cx: Context<'_>, path: UserPath, times: UserPtr<[i64; 2]>) -> Result<usize> {
    let times = match times.non_null() {
        Some(times) => times.read()?.map(|secs| NewTime::At(Time { secs, nanos: 0 })),
        None => [NewTime::Now; 2],
    };
    let subject = named(&cx, DirDesc::Cwd, path, AtFlags::empty())?;
    change_times(&cx, &subject, times)
}

/// Longest name and value of an extended attribute.
const XATTR_NAME_MAX: usize = 255;
const XATTR_SIZE_MAX: usize = 65536;

fn xattr_name(name: UserStr) -> Result<Vec<u8>> {
    let name = name.0.read_cstr(XATTR_NAME_MAX + 1).map_err(|error| match error.errno() {
        Errno::ENAMETOOLONG => err!(ERANGE, "the attribute's name is too long"),
        _ => error,
    })?;
    if name.is_empty() {
        bail!(ERANGE, "the attribute's name is empty");
    }
    // Others are the affair of security modules, which there are none of.
    if !name.starts_with(b"user.") && !name.starts_with(b"trusted.") && name != CAPABILITY_XATTR {
        bail!(EOPNOTSUPP, "no such kind of attribute");
    }
    Ok(name)
}

fn put(value: &[u8], buffer: UserPtr<u8>, size: usize) -> Result<usize> {
    if size == 0 {
        return Ok(value.len());
    }
    if value.len() > size {
        bail!(ERANGE, "the buffer is too small");
    }
    buffer.slice(value.len())?.write(value)
}

fn get_xattr(inode: &dyn Inode, name: UserStr, buffer: UserPtr<u8>, size: usize) -> Result<usize> {
    put(&inode.xattr(&xattr_name(name)?)?, buffer, size)
}

fn set_xattr_of(
    cx: &Context<'_>,
    subject: &Subject,
    name: UserStr,
    value: UserPtr<u8>,
    size: usize,
    flags: u32,
) -> Result<usize> {
    let inode = &*subject.inode;
    if flags & !3 != 0 {
        bail!(EINVAL, "undefined flags");
    }
    let name = xattr_name(name)?;
    if size > XATTR_SIZE_MAX {
        bail!(E2BIG, "the value is too long");
    }
    let value = value.slice(size)?.to_vec()?;
    check_writable(inode)?;
    if name == CAPABILITY_XATTR && !is_capability_value(&value) {
        bail!(EINVAL, "the value is no set of capabilities");
    }
    check_change(cx, inode, &name)?;
    inode.set_xattr(&name, Some(&value), flags)?;
    subject.changed(Events::IN_ATTRIB);
    Ok(0)
}

fn list_xattrs_of(inode: &dyn Inode, buffer: UserPtr<u8>, size: usize) -> Result<usize> {
    let mut list = Vec::new();
    for name in inode.list_xattrs()? {
        list.extend(name);
        list.push(0);
    }
    put(&list, buffer, size)
}

fn remove_xattr_of(cx: &Context<'_>, subject: &Subject, name: UserStr) -> Result<usize> {
    let inode = &*subject.inode;
    let name = xattr_name(name)?;
    check_writable(inode)?;
    check_change(cx, inode, &name)?;
    inode.set_xattr(&name, None, 0)?;
    subject.changed(Events::IN_ATTRIB);
    Ok(0)
}

/// Whether the caller may change this attribute: capabilities by `CAP_SETFCAP`, others as the file's contents.
fn check_change(cx: &Context<'_>, inode: &dyn Inode, name: &[u8]) -> Result<()> {
    const CAP_SETFCAP: u32 = 31;
    let credentials = cx.thread.credentials();
    if name != CAPABILITY_XATTR {
        return permission::check(&credentials, &inode.metadata()?, Access::WRITE);
    }
    if credentials.has_cap(CAP_SETFCAP) {
        Ok(())
    } else {
        Err(err!(EPERM, "only CAP_SETFCAP gives files capabilities"))
    }
}

/// Whether these bytes are of a version of `struct vfs_cap_data` that can be set.
fn is_capability_value(value: &[u8]) -> bool {
    matches!((value.len(), value.get(3)), (20, Some(2)) | (24, Some(3)))
}

macro_rules! xattr_calls {
    ($($get:ident $set:ident $list:ident $remove:ident by $flags:expr;)*) => {
        $(
            #[doc = concat!("`", stringify!($get), "(2)`.")]
            pub fn $get(cx: Context<'_>, path: UserPath, name: UserStr, value: UserPtr<u8>, size: usize) -> Result<usize> {
                get_xattr(&*named(&cx, DirDesc::Cwd, path, $flags)?.inode, name, value, size)
            }

            #[doc = concat!("`", stringify!($set), "(2)`.")]
            pub fn $set(
                cx: Context<'_>,
                path: UserPath,
                name: UserStr,
                value: UserPtr<u8>,
                size: usize,
                flags: Flags,
            ) -> Result<usize> {
                let subject = named(&cx, DirDesc::Cwd, path, $flags)?;
                set_xattr_of(&cx, &subject, name, value, size, flags.0)
            }

            #[doc = concat!("`", stringify!($list), "(2)`.")]
            pub fn $list(cx: Context<'_>, path: UserPath, list: UserPtr<u8>, size: usize) -> Result<usize> {
                list_xattrs_of(&*named(&cx, DirDesc::Cwd, path, $flags)?.inode, list, size)
            }

            #[doc = concat!("`", stringify!($remove), "(2)`.")]
            pub fn $remove(cx: Context<'_>, path: UserPath, name: UserStr) -> Result<usize> {
                let subject = named(&cx, DirDesc::Cwd, path, $flags)?;
                remove_xattr_of(&cx, &subject, name)
            }
        )*
    };
}

xattr_calls! {
    getxattr setxattr listxattr removexattr by AtFlags::empty();
    lgetxattr lsetxattr llistxattr lremovexattr by AtFlags::AT_SYMLINK_NOFOLLOW;
}

/// `fgetxattr(2)`.
pub fn fgetxattr(cx: Context<'_>, fd: FileDesc, name: UserStr, value: UserPtr<u8>, size: usize) -> Result<usize> {
    get_xattr(&*opened(&cx, fd)?.inode, name, value, size)
}

/// `fsetxattr(2)`.
pub fn fsetxattr(
    cx: Context<'_>,
    fd: FileDesc,
    name: UserStr,
    value: UserPtr<u8>,
    size: usize,
    flags: Flags,
) -> Result<usize> {
    let subject = opened(&cx, fd)?;
    set_xattr_of(&cx, &subject, name, value, size, flags.0)
}

/// `flistxattr(2)`.
pub fn flistxattr(cx: Context<'_>, fd: FileDesc, list: UserPtr<u8>, size: usize) -> Result<usize> {
    list_xattrs_of(&*opened(&cx, fd)?.inode, list, size)
}

/// `fremovexattr(2)`.
pub fn fremovexattr(cx: Context<'_>, fd: FileDesc, name: UserStr) -> Result<usize> {
    let subject = opened(&cx, fd)?;
    remove_xattr_of(&cx, &subject, name)
}
