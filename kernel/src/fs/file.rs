//! What all open files share.

use super::inode::{Inode, Metadata};
use crate::events::{IoEvents, Notifier};
use crate::mm::MapSource;
use crate::net::Socket;
use crate::prelude::*;
use crate::process::Thread;
use bitflags::bitflags;
use core::any::Any;
use frame::ocall::file::{Extent, HostFd, Whence};
use frame::ocall::mem::{Prot, Sharing};

bitflags! {
    /// Access mode and status of an open file (`man 2 open`).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct StatusFlags: u32 {
        /// `O_WRONLY`.
        const O_WRONLY = 0o1;
        /// `O_RDWR`.
        const O_RDWR = 0o2;
        /// `O_CREAT`.
        const O_CREAT = 0o100;
        /// `O_EXCL`.
        const O_EXCL = 0o200;
        /// `O_NOCTTY`.
        const O_NOCTTY = 0o400;
        /// `O_TRUNC`.
        const O_TRUNC = 0o1000;
        /// `O_APPEND`.
        const O_APPEND = 0o2000;
        /// `O_NONBLOCK`.
        const O_NONBLOCK = 0o4000;
        /// `O_DSYNC`.
        const O_DSYNC = 0o10000;
        /// `O_ASYNC`.
        const O_ASYNC = 0o20000;
        /// `O_DIRECT`.
        const O_DIRECT = 0o40000;
        /// `O_LARGEFILE`.
        const O_LARGEFILE = 0o100_000;
        /// `O_DIRECTORY`.
        const O_DIRECTORY = 0o200_000;
        /// `O_NOFOLLOW`.
        const O_NOFOLLOW = 0o400_000;
        /// `O_NOATIME`.
        const O_NOATIME = 0o1_000_000;
        /// `O_CLOEXEC`.
        const O_CLOEXEC = 0o2_000_000;
        /// `O_SYNC_BIT`.
        const O_SYNC_BIT = 0o4_000_000;
        /// `O_PATH`.
        const O_PATH = 0o10_000_000;
        /// `O_TMPFILE_BIT`.
        const O_TMPFILE_BIT = 0o20_000_000;
    }
}

impl StatusFlags {
    /// What `F_SETFL` may change.
    pub const CHANGEABLE: Self =
        Self::O_APPEND.union(Self::O_NONBLOCK).union(Self::O_ASYNC).union(Self::O_DIRECT).union(Self::O_NOATIME);

    /// What an open file keeps of the flags that it was opened with.
    pub const KEPT: Self = Self::CHANGEABLE
        .union(Self::O_WRONLY)
        .union(Self::O_RDWR)
        .union(Self::O_DSYNC)
        .union(Self::O_SYNC_BIT)
        .union(Self::O_LARGEFILE)
        .union(Self::O_DIRECTORY)
        .union(Self::O_NOFOLLOW)
        .union(Self::O_PATH)
        .union(Self::O_TMPFILE_BIT);

    /// Whether the file may be read.
    pub const fn can_read(self) -> bool {
        !self.contains(Self::O_WRONLY) && !self.contains(Self::O_PATH)
    }

    /// Whether the file may be written.
    pub const fn can_write(self) -> bool {
        self.intersects(Self::O_WRONLY.union(Self::O_RDWR)) && !self.contains(Self::O_PATH)
    }
}

/// An open file: what a descriptor stands for.
///
/// Whether it was opened for reading or writing is checked by the caller.
pub trait File: Any + Send + Sync {
    /// Reads at the file's position and moves it.
    fn read(&self, sink: &mut Sink<'_>) -> Result<usize>;

    /// Writes at the file's position and moves it.
    fn write(&self, source: &mut Source<'_>) -> Result<usize>;

    /// Reads from `offset` on; the position stays.
    fn read_at(&self, offset: u64, sink: &mut Sink<'_>) -> Result<usize> {
        let _ = (offset, sink);
        Err(Errno::ESPIPE.into())
    }

    /// Writes from `offset` on; the position stays.
    fn write_at(&self, offset: u64, source: &mut Source<'_>) -> Result<usize> {
        let _ = (offset, source);
        Err(Errno::ESPIPE.into())
    }

    /// Moves the position.
    fn seek(&self, offset: i64, whence: Whence) -> Result<u64> {
        let _ = (offset, whence);
        Err(Errno::ESPIPE.into())
    }

    /// Its attributes.
    fn metadata(&self) -> Result<Metadata>;

    /// Access mode and status.
    fn status(&self) -> StatusFlags;

    /// Changes the status as far as [`StatusFlags::CHANGEABLE`] goes.
    fn set_status(&self, status: StatusFlags) -> Result<()>;

    /// Sets the length.
    fn truncate(&self, len: u64) -> Result<()> {
        let _ = len;
        Err(Errno::EINVAL.into())
    }

    /// Allocates or frees room (`man 2 fallocate`).
    fn allocate(&self, mode: u32, offset: u64, len: u64) -> Result<()> {
        let _ = (mode, offset, len);
        Err(Errno::ENODEV.into())
    }

    /// Writes to the disk.
    fn sync(&self, extent: Extent) -> Result<()> {
        let _ = extent;
        Err(Errno::EINVAL.into())
    }

    /// Its seals, if it's a file of a kind that has some.
    fn seals(&self) -> Option<&super::memory::Seals> {
        None
    }

    /// Whether programs have pages of the LibOS mapped that hold its contents.
    fn is_mapped_from_memory(&self) -> bool {
        false
    }

    /// The inode that it was opened at, if there's one.
    fn inode(&self) -> Option<Arc<dyn Inode>> {
        None
    }

    /// Its `security.capability` attribute: what capabilities it gives when it's executed.
    fn capabilities(&self) -> Result<Vec<u8>> {
        Err(Errno::ENODATA.into())
    }

    /// What `/proc/PID/fd` shows.
    fn path(&self) -> Vec<u8>;

    /// A device's own requests.
    fn ioctl(&self, thread: &Arc<Thread>, request: u32, argument: u64) -> Result<usize> {
        let _ = (thread, request, argument);
        Err(Errno::ENOTTY.into())
    }

    /// The contents as something to map.
    fn map_source(&self, prot: Prot, sharing: Sharing) -> Result<Arc<dyn MapSource>> {
        let _ = (prot, sharing);
        Err(Errno::ENODEV.into())
    }

    /// What it is ready for now. May ask the host, but never waits.
    fn poll(&self) -> IoEvents {
        IoEvents::READY
    }

    /// What tells that it became ready; `None` if only the host knows, or if it's always ready.
    fn notifier(&self) -> Option<&Notifier> {
        None
    }

    /// The host's descriptor, if the host knows what it is ready for, alone or together with the LibOS.
    fn host_fd(&self) -> Option<&HostFd> {
        None
    }

    /// Takes note of what somebody who waited found the host's file ready for.
    fn recv_host_events(&self, events: IoEvents) {
        let _ = events;
    }

    /// The file at an inode that it is, if it is one.
    fn as_inode_file(&self) -> Option<&super::InodeFile> {
        None
    }

    /// The socket that it is, if it is one.
    fn as_socket(&self) -> Option<&dyn Socket> {
        None
    }
}

impl dyn File {
    /// The file as its own type.
    pub fn downcast_ref<T: File>(&self) -> Option<&T> {
        (self as &dyn Any).downcast_ref()
    }
}
