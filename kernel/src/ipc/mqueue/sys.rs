//! System calls on POSIX message queues.

use super::file::QueueFile;
use super::names::{self, IfMissing, Making};
use super::queue::{Limits, Registration};
use crate::events::Blocking;
use crate::fs::permission::Access;
use crate::fs::sys::install;
use crate::fs::{FdFlags, File, StatusFlags};
use crate::prelude::*;
use crate::process::Thread;
use crate::signal::Signal;
use crate::syscalls::Context;
use crate::syscalls::args::{FileDesc, Mode, UserStr};
use crate::time::Timespec;
use crate::time::sys::SigEvent;
use frame::ocall::time::Clock;
use frame::sync::Deadline;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct mq_attr`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct MqAttr {
    flags: i64,
    messages: i64,
    size: i64,
    count: i64,
    reserved: [i64; 4],
}

/// One more than the highest priority (`MQ_PRIO_MAX`).
const PRIORITIES: u32 = 32768;

/// `mq_open(2)`.
pub fn mq_open(
    cx: Context<'_>,
    name: UserStr,
    flags: StatusFlags,
    mode: Mode,
    attributes: UserPtr<MqAttr>,
) -> Result<usize> {
    const ACCESS_MODES: StatusFlags = StatusFlags::O_WRONLY.union(StatusFlags::O_RDWR);
    let name = read_name(name)?;
    if flags.contains(ACCESS_MODES) {
        bail!(EINVAL, "no way to access a queue");
    }
    let attributes = attributes.non_null().map(UserPtr::read).transpose()?;
    let limits = attributes.map(|attributes| {
        // What doesn't fit is refused as too small.
        let size = |number: i64| usize::try_from(number).unwrap_or(0);
        Limits { messages: size(attributes.messages), size: size(attributes.size) }
    });
    let must_be_new = flags.contains(StatusFlags::O_EXCL);
    let if_missing = if flags.contains(StatusFlags::O_CREAT) {
        IfMissing::Make(Making { limits, mode: mode.0, must_be_new })
    } else {
        IfMissing::Fail
    };
    let mut access = Access::empty();
    access.set(Access::READ, flags.can_read());
    access.set(Access::WRITE, flags.can_write());
    let queue = names::open(cx.thread, &name, access, if_missing)?;
    let kept = flags & (ACCESS_MODES | StatusFlags::O_NONBLOCK);
    // Queues are never inherited by other programs (`man 3 mq_open`).
    install(cx.thread, Arc::new(QueueFile::new(queue, name, kept)), FdFlags::CLOEXEC)
}

/// `mq_unlink(2)`.
pub fn mq_unlink(cx: Context<'_>, name: UserStr) -> Result<usize> {
    names::unlink(cx.thread, &read_name(name)?)?;
    Ok(0)
}

fn read_name(name: UserStr) -> Result<Vec<u8>> {
    const PATH_MAX: usize = 4096;
    name.0.read_cstr(PATH_MAX)
}

/// Calls `work` with the queue of a descriptor.
fn with_queue<R>(thread: &Thread, fd: FileDesc, work: impl FnOnce(&QueueFile) -> Result<R>) -> Result<R> {
    let file = thread.file(fd)?;
    work(file.downcast_ref().ok_or(err!(EBADF, "not a message queue"))?)
}

fn read_deadline(timeout: UserPtr<Timespec>) -> Result<Option<Deadline>> {
    let time = timeout.non_null().map(UserPtr::read).transpose()?;
    Ok(time.map(Timespec::duration).transpose()?.map(|at| Deadline::at(Clock::Realtime, at)))
}

/// `mq_timedsend(2)`.
pub fn mq_timedsend(
    cx: Context<'_>,
    fd: FileDesc,
    message: UserPtr<u8>,
    len: usize,
    priority: u32,
    timeout: UserPtr<Timespec>,
) -> Result<usize> {
    let deadline = read_deadline(timeout)?;
    if priority >= PRIORITIES {
        bail!(EINVAL, "no such priority");
    }
    with_queue(cx.thread, fd, |file| {
        if !file.status().can_write() {
            bail!(EBADF, "the queue is not open for sending");
        }
        if len > file.queue.limits.size {
            bail!(EMSGSIZE, "the message is longer than the queue's may be");
        }
        let message = message.slice(len)?.to_vec()?;
        file.queue.send(cx.thread, message, priority, file.blocking(), deadline)?;
        Ok(0)
    })
}

/// `mq_timedreceive(2)`.
pub fn mq_timedreceive(
    cx: Context<'_>,
    fd: FileDesc,
    buffer: UserPtr<u8>,
    len: usize,
    priority: UserPtr<u32>,
    timeout: UserPtr<Timespec>,
) -> Result<usize> {
    let deadline = read_deadline(timeout)?;
    with_queue(cx.thread, fd, |file| {
        if !file.status().can_read() {
            bail!(EBADF, "the queue is not open for receiving");
        }
        if len < file.queue.limits.size {
            bail!(EMSGSIZE, "the buffer is smaller than messages may be");
        }
        let (message, its_priority) = file.queue.receive(file.blocking(), deadline)?;
        priority.write_if_some(&its_priority)?;
        buffer.write_array(&message)?;
        Ok(message.len())
    })
}

/// `mq_notify(2)`.
pub fn mq_notify(cx: Context<'_>, fd: FileDesc, event: UserPtr<SigEvent>) -> Result<usize> {
    let process = &cx.thread.process;
    let signal = match event.non_null().map(UserPtr::read).transpose()? {
        None => None,
        Some(event) => Some(signal_of(&event)?),
    };
    with_queue(cx.thread, fd, |file| {
        match signal {
            None => file.queue.unregister(process.pid()),
            Some(signal) => {
                file.queue.register(Registration { process: Arc::downgrade(process), pid: process.pid(), signal })?;
            }
        }
        Ok(0)
    })
}

/// The signal that a process is to be told by, and its value.
fn signal_of(event: &SigEvent) -> Result<Option<(Signal, u64)>> {
    const SIGEV_SIGNAL: i32 = 0;
    const SIGEV_NONE: i32 = 1;
    const SIGEV_THREAD: i32 = 2;
    match event.notify() {
        SIGEV_SIGNAL => Ok(Some((Signal::new(event.signo() as u64)?, event.value()))),
        SIGEV_NONE => Ok(None),
        SIGEV_THREAD => {
            warn!("mq_notify can't tell by a netlink socket");
            Err(err!(EBADF, "there are no netlink sockets to tell by"))
        }
        _ => Err(err!(EINVAL, "no such way to notify")),
    }
}

/// `mq_getsetattr(2)`.
pub fn mq_getsetattr(cx: Context<'_>, fd: FileDesc, new: UserPtr<MqAttr>, old: UserPtr<MqAttr>) -> Result<usize> {
    const O_NONBLOCK: i64 = StatusFlags::O_NONBLOCK.bits() as i64;
    let new = new.non_null().map(UserPtr::read).transpose()?;
    if new.is_some_and(|new| new.flags & !O_NONBLOCK != 0) {
        bail!(EINVAL, "only O_NONBLOCK can be set");
    }
    with_queue(cx.thread, fd, |file| {
        let flags = if file.blocking() == Blocking::DontWait { O_NONBLOCK } else { 0 };
        let present = MqAttr {
            flags,
            messages: file.queue.limits.messages as i64,
            size: file.queue.limits.size as i64,
            count: file.queue.count() as i64,
            reserved: [0; 4],
        };
        if let Some(new) = new {
            let mut status = file.status();
            status.set(StatusFlags::O_NONBLOCK, new.flags & O_NONBLOCK != 0);
            file.set_status(status)?;
        }
        old.write_if_some(&present)?;
        Ok(0)
    })
}
