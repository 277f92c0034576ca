//! System calls of inotify.

use super::events::Events;
use super::instance::{IfWatched, Instance};
use crate::flags_arg;
use crate::fs::path::{Last, Walker};
use crate::fs::permission::{self, Access};
use crate::fs::sys::install;
use crate::fs::{FdFlags, File, FileType, StatusFlags};
use crate::prelude::*;
use crate::process::Thread;
use crate::syscalls::Context;
use crate::syscalls::args::{FileDesc, Flags, UserPath};
use bitflags::bitflags;

bitflags! {
    /// Flags of `inotify_init1`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct InotifyFlags: u32 {
        /// `IN_NONBLOCK`.
        const IN_NONBLOCK = 0o4000;
        /// `IN_CLOEXEC`.
        const IN_CLOEXEC = 0o2_000_000;
    }
}
flags_arg!(InotifyFlags);

/// `inotify_init(2)`.
pub fn inotify_init(cx: Context<'_>) -> Result<usize> {
    inotify_init1(cx, InotifyFlags::empty())
}

/// `inotify_init1(2)`.
pub fn inotify_init1(cx: Context<'_>, flags: InotifyFlags) -> Result<usize> {
    let status = StatusFlags::from_bits_truncate(flags.bits()) & StatusFlags::O_NONBLOCK;
    let fd_flags = if flags.contains(InotifyFlags::IN_CLOEXEC) { FdFlags::CLOEXEC } else { FdFlags::empty() };
    install(cx.thread, Instance::new(status)?, fd_flags)
}

/// Calls `work` with the instance of a descriptor.
fn with_instance<R>(thread: &Thread, fd: FileDesc, work: impl FnOnce(&Instance) -> Result<R>) -> Result<R> {
    let file: Arc<dyn File> = thread.file(fd)?;
    work(file.downcast_ref().ok_or(err!(EINVAL, "not an inotify instance"))?)
}

/// `inotify_add_watch(2)`.
pub fn inotify_add_watch(cx: Context<'_>, fd: FileDesc, path: UserPath, Flags(mask): Flags) -> Result<usize> {
    let mask = Events::from_bits_truncate(mask);
    if !mask.intersects(Events::ALL) {
        bail!(EINVAL, "nothing to watch for");
    }
    if mask.contains(Events::IN_MASK_ADD | Events::IN_MASK_CREATE) {
        bail!(EINVAL, "IN_MASK_ADD with IN_MASK_CREATE");
    }
    with_instance(cx.thread, fd, |instance| {
        let (view, credentials) = (cx.thread.fs(), cx.thread.credentials());
        let walker = Walker::new(&view, &credentials);
        let last = if mask.contains(Events::IN_DONT_FOLLOW) { Last::NoFollow } else { Last::Follow };
        let dentry = walker.resolve(None, &path.read()?, last)?;
        let inode = dentry.inode();
        if mask.contains(Events::IN_ONLYDIR) && inode.kind() != FileType::Directory {
            bail!(ENOTDIR, "not a directory");
        }
        permission::check(&credentials, &inode.access_metadata()?, Access::READ)?;
        let if_watched = if mask.contains(Events::IN_MASK_CREATE) {
            IfWatched::Fail
        } else if mask.contains(Events::IN_MASK_ADD) {
            IfWatched::Add
        } else {
            IfWatched::Replace
        };
        Ok(instance.watch(inode, mask - Events::OF_CALL, if_watched)? as usize)
    })
}

/// `inotify_rm_watch(2)`.
pub fn inotify_rm_watch(cx: Context<'_>, fd: FileDesc, watch: i32) -> Result<usize> {
    with_instance(cx.thread, fd, |instance| instance.unwatch(watch))?;
    Ok(0)
}
