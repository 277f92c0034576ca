//! OCalls about events: the host's `epoll` for its own files.

use super::file::{HostFd, owned, timespec};
use crate::errno::{Errno, Error, Result};
use crate::host::{self, Until};
use core::mem::MaybeUninit;
use linux_raw_sys::general as sys;
use linux_raw_sys::general::{__NR_dup3, __NR_epoll_create1, __NR_epoll_ctl, __NR_epoll_pwait2, __NR_epoll_wait};

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
        let args = [fresh.raw(), self.raw(), sys::O_CLOEXEC as usize, 0, 0, 0];
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
        let args = [self.raw(), operation as usize, fd.raw() as usize, &raw const event as usize, 0, 0];
        // SAFETY: the host reads a `struct epoll_event`.
        unsafe { host::call(__NR_epoll_ctl, args)? };
        Ok(())
    }

    /// Calls `take` with what is ready now, at most `max` and at most [`MAX_HOST_EVENTS`] of it. Gives how many.
    ///
    /// # Errors
    /// `EIO` for an answer that can't be.
    #[inline]
    pub fn take_ready(&self, max: usize, take: impl FnMut(HostEvent)) -> Result<usize> {
        // SAFETY: the host writes at most as many events as it's told. It doesn't wait.
        let ask = |events, max| unsafe { host::call(__NR_epoll_wait, [self.raw(), events, max, 0, 0, 0]) };
        take_from(max, ask, take)
    }

    /// As [`take_ready`](Self::take_ready), but waits until something is ready; gives 0 when the time has passed.
    ///
    /// # Errors
    /// `EINTR` when the word has changed, or for no reason; `EIO`.
    pub(crate) fn wait_ready(&self, max: usize, until: Until<'_>, take: impl FnMut(HostEvent)) -> Result<usize> {
        let timeout = until.timeout.map(timespec);
        let timeout = timeout.as_ref().map_or(0, |timeout| core::ptr::from_ref(timeout) as usize);
        let ask = |events, max| {
            let args = [self.raw(), events, max, timeout, 0, 8];
            // SAFETY: the host writes at most as many events as it's told, and reads the timeout.
            unsafe { host::call_sleeping(__NR_epoll_pwait2, args, Some(until.word)) }
        };
        take_from(max, ask, take)
    }

    fn raw(&self) -> usize {
        self.0.raw() as usize
    }
}

/// Has the host write events, of which `ask` learns the place and the most that there's room for, and calls `take` with each.
#[inline]
fn take_from(
    max: usize,
    ask: impl FnOnce(usize, usize) -> Result<usize>,
    mut take: impl FnMut(HostEvent),
) -> Result<usize> {
    // Zeroing what the host may write takes longer than a call that finds little.
    let mut events = [const { MaybeUninit::<RawEvent>::uninit() }; MAX_HOST_EVENTS];
    let max = max.clamp(1, MAX_HOST_EVENTS);
    let count = ask(events.as_mut_ptr() as usize, max)?;
    if count > max {
        return Err(Error::new(Errno::EIO, "the host gave more events than asked for"));
    }
    for event in &events[..count] {
        // SAFETY: the host has written it, as far as anybody knows; whatever lies there is an event.
        let event = unsafe { event.assume_init() };
        take(HostEvent { events: event.events, token: event.token });
    }
    Ok(count)
}
