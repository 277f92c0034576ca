//! Attributes, as `stat` and its kin show them.

use super::{AtFlags, Walk, only};
use crate::flags_arg;
use crate::fs::{Inode, Metadata, Time};
use crate::prelude::*;
use crate::syscalls::Context;
use crate::syscalls::args::{DirDesc, FileDesc, UserPath};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

flags_arg!(AtFlags);

/// `struct stat` of x86-64.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Stat {
    dev: u64,
    ino: u64,
    nlink: u64,
    mode: u32,
    uid: u32,
    gid: u32,
    pad: u32,
    rdev: u64,
    size: i64,
    blksize: i64,
    blocks: i64,
    atime: [i64; 2],
    mtime: [i64; 2],
    ctime: [i64; 2],
    unused: [i64; 3],
}

fn timespec(time: Time) -> [i64; 2] {
    [time.secs, i64::from(time.nanos)]
}

impl From<Metadata> for Stat {
    fn from(metadata: Metadata) -> Self {
        Self {
            dev: metadata.dev,
            ino: metadata.ino,
            nlink: u64::from(metadata.nlink),
            mode: metadata.kind.mode_bits() | metadata.mode,
            uid: metadata.uid,
            gid: metadata.gid,
            pad: 0,
            rdev: metadata.rdev,
            size: metadata.size as i64,
            blksize: i64::from(metadata.blksize),
            blocks: metadata.blocks as i64,
            atime: timespec(metadata.atime),
            mtime: timespec(metadata.mtime),
            ctime: timespec(metadata.ctime),
            unused: [0; 3],
        }
    }
}

/// `stat(2)`.
pub fn stat(cx: Context<'_>, path: UserPath, stat: UserPtr<Stat>) -> Result<usize> {
    newfstatat(cx, DirDesc::Cwd, path, stat, AtFlags::empty())
}

/// `lstat(2)`.
pub fn lstat(cx: Context<'_>, path: UserPath, stat: UserPtr<Stat>) -> Result<usize> {
    newfstatat(cx, DirDesc::Cwd, path, stat, AtFlags::AT_SYMLINK_NOFOLLOW)
}

/// `fstat(2)`.
pub fn fstat(cx: Context<'_>, fd: FileDesc, stat: UserPtr<Stat>) -> Result<usize> {
    stat.write(&cx.thread.file(fd)?.metadata()?.into())?;
    Ok(0)
}

/// `newfstatat(2)`.
pub fn newfstatat(cx: Context<'_>, dir: DirDesc, path: UserPath, stat: UserPtr<Stat>, flags: AtFlags) -> Result<usize> {
    let metadata = metadata_at(&cx, dir, path, flags)?;
    stat.write(&metadata.into())?;
    Ok(0)
}

fn metadata_at(cx: &Context<'_>, dir: DirDesc, path: UserPath, flags: AtFlags) -> Result<Metadata> {
    only(
        flags,
        AtFlags::AT_SYMLINK_NOFOLLOW
            | AtFlags::AT_EMPTY_PATH
            | AtFlags::AT_NO_AUTOMOUNT
            | AtFlags::AT_STATX_FORCE_SYNC
            | AtFlags::AT_STATX_DONT_SYNC,
    )?;
    // As Linux since 6.11, NULL is an empty path.
    let path = if path.0.is_null() && flags.contains(AtFlags::AT_EMPTY_PATH) { Vec::new() } else { path.read()? };
    if path.is_empty()
        && flags.contains(AtFlags::AT_EMPTY_PATH)
        && let DirDesc::Fd(fd) = dir
    {
        return cx.thread.file(fd)?.metadata();
    }
    Walk::new(cx.thread).resolve(cx.thread, dir, &path, flags)?.inode().metadata()
}

/// `struct statx_timestamp`.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct StatxTime {
    secs: i64,
    nanos: u32,
    pad: i32,
}

impl From<Time> for StatxTime {
    fn from(time: Time) -> Self {
        Self { secs: time.secs, nanos: time.nanos, pad: 0 }
    }
}

/// `struct statx`.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Statx {
    mask: u32,
    blksize: u32,
    attributes: u64,
    nlink: u32,
    uid: u32,
    gid: u32,
    mode: u16,
    pad: u16,
    ino: u64,
    size: u64,
    blocks: u64,
    attributes_mask: u64,
    atime: StatxTime,
    btime: StatxTime,
    ctime: StatxTime,
    mtime: StatxTime,
    rdev_major: u32,
    rdev_minor: u32,
    dev_major: u32,
    dev_minor: u32,
    spare: [u64; 14],
}

fn major(dev: u64) -> u32 {
    (dev >> 8 & 0xfff | dev >> 32 & !0xfff) as u32
}

fn minor(dev: u64) -> u32 {
    (dev & 0xff | dev >> 12 & !0xff) as u32
}

/// `statx(2)`.
pub fn statx(
    cx: Context<'_>,
    dir: DirDesc,
    path: UserPath,
    flags: AtFlags,
    mask: u32,
    buffer: UserPtr<Statx>,
) -> Result<usize> {
    const BASIC_STATS: u32 = 0x7ff;
    const BTIME: u32 = 0x800;
    const RESERVED: u32 = 1 << 31;
    if mask & RESERVED != 0 || flags.contains(AtFlags::AT_STATX_DONT_SYNC | AtFlags::AT_STATX_FORCE_SYNC) {
        bail!(EINVAL, "an undefined mask or contradicting flags");
    }
    let metadata = metadata_at(&cx, dir, path, flags)?;
    buffer.write(&Statx {
        mask: BASIC_STATS | BTIME,
        blksize: metadata.blksize,
        attributes: 0,
        nlink: metadata.nlink,
        uid: metadata.uid,
        gid: metadata.gid,
        mode: (metadata.kind.mode_bits() | metadata.mode) as u16,
        pad: 0,
        ino: metadata.ino,
        size: metadata.size,
        blocks: metadata.blocks,
        attributes_mask: 0,
        atime: metadata.atime.into(),
        btime: metadata.btime.into(),
        ctime: metadata.ctime.into(),
        mtime: metadata.mtime.into(),
        rdev_major: major(metadata.rdev),
        rdev_minor: minor(metadata.rdev),
        dev_major: major(metadata.dev),
        dev_minor: minor(metadata.dev),
        spare: [0; 14],
    })?;
    Ok(0)
}

/// `statfs(2)`.
pub fn statfs(cx: Context<'_>, path: UserPath, buffer: UserPtr<[u64; 15]>) -> Result<usize> {
    let path = path.read()?;
    let dentry = Walk::new(cx.thread).resolve(cx.thread, DirDesc::Cwd, &path, AtFlags::empty())?;
    write_statfs(&**dentry.inode(), buffer)
}

/// `fstatfs(2)`.
pub fn fstatfs(cx: Context<'_>, fd: FileDesc, buffer: UserPtr<[u64; 15]>) -> Result<usize> {
    const PIPEFS_MAGIC: u64 = 0x5049_5045;
    let file = cx.thread.file(fd)?;
    match file.inode() {
        Some(inode) => write_statfs(&*inode, buffer),
        None => {
            buffer.write(&[PIPEFS_MAGIC, 4096, 0, 0, 0, 0, 0, 0, 255, 4096, 0x20, 0, 0, 0, 0])?;
            Ok(0)
        }
    }
}

fn write_statfs(inode: &dyn Inode, buffer: UserPtr<[u64; 15]>) -> Result<usize> {
    let mut words = [0; 15];
    words[..11].copy_from_slice(&inode.statfs()?);
    buffer.write(&words)?;
    Ok(0)
}
