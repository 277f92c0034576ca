//! `epoll(7)`.

use super::deadline;
use crate::events::{EpollFile, Interest, IoEvents};
use crate::flags_arg;
use crate::fs::{FdFlags, File, StatusFlags};
use crate::prelude::*;
use crate::process::Thread;
use crate::signal;
use crate::syscalls::Context;
use crate::syscalls::args::FileDesc;
use crate::time::Timespec;
use bitflags::bitflags;
use core::time::Duration;
use frame::sync::Deadline;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct epoll_event` of x86-64, which is packed.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, packed)]
pub struct EpollEvent {
    events: u32,
    data: u64,
}

bitflags! {
    /// Flags of `epoll_create1`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct EpollFlags: u32 {
        /// `EPOLL_CLOEXEC`.
        const EPOLL_CLOEXEC = 0o2_000_000;
    }
}
flags_arg!(EpollFlags);

/// `epoll_create(2)`; the size is a hint that has no meaning any more.
pub fn epoll_create(cx: Context<'_>, size: i32) -> Result<usize> {
    if size <= 0 {
        bail!(EINVAL, "the size isn't positive");
    }
    epoll_create1(cx, EpollFlags::empty())
}

/// `epoll_create1(2)`.
pub fn epoll_create1(cx: Context<'_>, flags: EpollFlags) -> Result<usize> {
    let fd_flags = if flags.is_empty() { FdFlags::empty() } else { FdFlags::CLOEXEC };
    super::install(cx.thread, EpollFile::new(), fd_flags)
}

fn as_epoll(file: &dyn File) -> Result<&EpollFile> {
    file.downcast_ref().ok_or(err!(EINVAL, "not an epoll"))
}

/// Whether one can wait for a file at all: not for one that is always ready.
fn check_pollable(file: &dyn File) -> Result<()> {
    if file.status().contains(StatusFlags::O_PATH) {
        bail!(EBADF, "the file was opened with O_PATH");
    }
    if file.notifier().is_none() && file.host_fd().is_none() {
        bail!(EPERM, "the file is always ready");
    }
    Ok(())
}

/// `epoll_ctl(2)`.
pub fn epoll_ctl(
    cx: Context<'_>,
    epoll: FileDesc,
    operation: i32,
    fd: FileDesc,
    event: UserPtr<EpollEvent>,
) -> Result<usize> {
    const ADD: i32 = 1;
    const DEL: i32 = 2;
    const MOD: i32 = 3;
    let event = if operation == DEL { EpollEvent { events: 0, data: 0 } } else { event.read()? };
    let interest = Interest::new(event.events, event.data);
    let files = cx.thread.files();
    let epoll_file = files.get(epoll)?;
    let file = files.get(fd)?;
    check_pollable(&*file)?;
    if Arc::ptr_eq(&epoll_file, &file) {
        bail!(EINVAL, "an epoll can't watch itself");
    }
    let epoll = as_epoll(&*epoll_file)?;
    match operation {
        ADD => epoll.add(fd, &file, interest)?,
        DEL => epoll.remove(fd, &file)?,
        MOD => epoll.modify(fd, &file, interest)?,
        _ => bail!(EINVAL, "no such operation"),
    }
    Ok(0)
}

// After a call of the host, processors predict no return.
#[inline(always)]
fn wait(
    thread: &Thread,
    epoll: FileDesc,
    events: UserPtr<EpollEvent>,
    max: i32,
    deadline: Option<Deadline>,
) -> Result<usize> {
    const MOST: usize = i32::MAX as usize / size_of::<EpollEvent>();
    let max = usize::try_from(max).ok().filter(|max| (1..=MOST).contains(max));
    let max = max.ok_or(err!(EINVAL, "no events, or too many"))?;
    events.slice(max)?;
    let file = thread.file(epoll)?;
    let epoll = as_epoll(&*file)?;
    let report =
        |index, found: IoEvents, data| events.at(index).write(&EpollEvent { events: u32::from(found.bits()), data });
    epoll.wait(|| signal::is_wanted(thread), max, deadline, report)
}

fn deadline_ms(timeout: i32) -> Option<Deadline> {
    u64::try_from(timeout).ok().map(|millis| Deadline::after(Duration::from_millis(millis)))
}

/// `epoll_wait(2)`.
#[inline]
pub fn epoll_wait(
    cx: Context<'_>,
    epoll: FileDesc,
    events: UserPtr<EpollEvent>,
    max: i32,
    timeout: i32,
) -> Result<usize> {
    wait(cx.thread, epoll, events, max, deadline_ms(timeout))
}

/// `epoll_pwait(2)`.
pub fn epoll_pwait(
    cx: Context<'_>,
    epoll: FileDesc,
    events: UserPtr<EpollEvent>,
    max: i32,
    timeout: i32,
    mask: UserPtr<u64>,
    size: usize,
) -> Result<usize> {
    let deadline = deadline_ms(timeout);
    signal::with_mask(cx.thread, mask, size, || wait(cx.thread, epoll, events, max, deadline))
}

/// `epoll_pwait2(2)`.
pub fn epoll_pwait2(
    cx: Context<'_>,
    epoll: FileDesc,
    events: UserPtr<EpollEvent>,
    max: i32,
    timeout: UserPtr<Timespec>,
    mask: UserPtr<u64>,
    size: usize,
) -> Result<usize> {
    let deadline = deadline(timeout)?;
    signal::with_mask(cx.thread, mask, size, || wait(cx.thread, epoll, events, max, deadline))
}
