//! OCalls about events: how a wait in the host is ended by another thread, and the host's `epoll` for its own files.

use super::file::{HostFd, owned};
use crate::errno::{Errno, Error, Result};
use crate::host;
use linux_raw_sys::general as sys;
use linux_raw_sys::general::{
    __NR_dup3, __NR_epoll_create1, __NR_epoll_ctl, __NR_epoll_wait, __NR_eventfd2, __NR_read, __NR_write,
};

/// What ends a thread's wait in the host: an event descriptor that only the LibOS knows.
#[derive(Debug)]
pub(crate) struct WakeFd(HostFd);

impl WakeFd {
    pub(crate) fn new() -> Result<Self> {
        let flags = sys::EFD_CLOEXEC | sys::EFD_NONBLOCK;
        // SAFETY: no effect on memory.
        owned(unsafe { host::call(__NR_eventfd2, [0, flags as usize, 0, 0, 0, 0]) }).map(Self)
    }

    pub(crate) fn fd(&self) -> &HostFd {
        &self.0
    }

    /// Ends the wait, or the next one.
    pub(crate) fn signal(&self) {
        let one = 1_u64;
        // SAFETY: the host reads eight bytes.
        let _ = unsafe { host::call(__NR_write, [self.0.raw() as usize, &raw const one as usize, 8, 0, 0, 0]) };
    }

    /// Makes it quiet again.
    pub(crate) fn clear(&self) {
        let mut count = 0_u64;
        // SAFETY: the host writes eight bytes.
        let _ = unsafe { host::call(__NR_read, [self.0.raw() as usize, &raw mut count as usize, 8, 0, 0, 0]) };
    }
}

/// An `epoll` of the host, for files of the host.
#[derive(Debug)]
pub struct HostEpoll(HostFd);

/// What the host found: the events, and the token that the file was added with. Neither is to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostEvent {
    /// `EPOLL*`.
    pub events: u32,
    /// As passed to [`HostEpoll::add`].
    pub token: u64,
}

/// The host's packed `struct epoll_event`.
#[derive(Clone, Copy)]
#[repr(C, packed)]
struct RawEvent {
    events: u32,
    token: u64,
}

/// The most events that one call takes.
pub const MAX_HOST_EVENTS: usize = 64;

impl HostEpoll {
    /// A new one.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`, `ENOMEM`.
    pub fn new() -> Result<Self> {
        // SAFETY: no effect on memory.
        let fd = owned(unsafe { host::call(__NR_epoll_create1, [sys::EPOLL_CLOEXEC as usize, 0, 0, 0, 0, 0]) })?;
        Ok(Self(fd))
    }

    /// Watches nothing any more, by the same descriptor.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn renew(&self) -> Result<()> {
        let fresh = Self::new()?;
        let args = [fresh.0.raw() as usize, self.0.raw() as usize, sys::O_CLOEXEC as usize, 0, 0, 0];
        // SAFETY: no effect on memory; both descriptors are ours.
        unsafe { host::call(__NR_dup3, args)? };
        Ok(())
    }

    /// The descriptor, which is ready to be read when there are events.
    pub fn fd(&self) -> &HostFd {
        &self.0
    }

    /// Watches a file for `events`, flags such as `EPOLLET` included.
    ///
    /// # Errors
    /// As `epoll_ctl(2)`: `EEXIST`, `EPERM`, `ELOOP`, `ENOSPC`.
    pub fn add(&self, fd: &HostFd, events: u32, token: u64) -> Result<()> {
        self.control(sys::EPOLL_CTL_ADD, fd, events, token)
    }

    /// Watches a file for other events.
    ///
    /// # Errors
    /// As `epoll_ctl(2)`.
    pub fn modify(&self, fd: &HostFd, events: u32, token: u64) -> Result<()> {
        self.control(sys::EPOLL_CTL_MOD, fd, events, token)
    }

    /// Watches a file no longer.
    ///
    /// # Errors
    /// As `epoll_ctl(2)`.
    pub fn remove(&self, fd: &HostFd) -> Result<()> {
        self.control(sys::EPOLL_CTL_DEL, fd, 0, 0)
    }

    fn control(&self, operation: u32, fd: &HostFd, events: u32, token: u64) -> Result<()> {
        let event = RawEvent { events, token };
        let args = [self.0.raw() as usize, operation as usize, fd.raw() as usize, &raw const event as usize, 0, 0];
        // SAFETY: the host reads a `struct epoll_event`.
        unsafe { host::call(__NR_epoll_ctl, args)? };
        Ok(())
    }

    /// Calls `take` with what is ready now, at most `max` and at most [`MAX_HOST_EVENTS`] of it. Gives how many.
    ///
    /// # Errors
    /// `EIO` for an answer that can't be.
    pub fn take_ready(&self, max: usize, take: impl FnMut(HostEvent)) -> Result<usize> {
        const FEW: usize = 16;
        // Room is zeroed for what the host may write, which takes longer than a call that finds little.
        if max <= FEW { self.take::<FEW>(max, take) } else { self.take::<MAX_HOST_EVENTS>(max, take) }
    }

    fn take<const MOST: usize>(&self, max: usize, mut take: impl FnMut(HostEvent)) -> Result<usize> {
        let mut events = [RawEvent { events: 0, token: 0 }; MOST];
        let max = max.clamp(1, MOST);
        // SAFETY: the host writes at most `max` events. It doesn't wait.
        let count = unsafe {
            host::call(__NR_epoll_wait, [self.0.raw() as usize, events.as_mut_ptr() as usize, max, 0, 0, 0])?
        };
        if count > max {
            return Err(Error::new(Errno::EIO, "the host gave more events than asked for"));
        }
        for event in &events[..count] {
            take(HostEvent { events: event.events, token: event.token });
        }
        Ok(count)
    }
}
