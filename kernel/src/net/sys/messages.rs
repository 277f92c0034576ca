//! `sendmsg`, `recvmsg`, and many at once.

use super::as_socket;
use crate::net::message::{MessageHeader, NumberedHeader, UserMessage};
use crate::net::{Incoming, MessageFlags, Outgoing, Socket};
use crate::prelude::*;
use crate::process::Thread;
use crate::syscalls::Context;
use crate::syscalls::args::FileDesc;
use crate::time::Timespec;
use core::mem::offset_of;
use frame::sync::Deadline;

/// The most messages of one call (`UIO_MAXIOV`).
const MAX_MESSAGES: u32 = 1024;

fn check(flags: MessageFlags) -> Result<()> {
    if flags.contains(MessageFlags::MSG_CMSG_COMPAT) {
        bail!(EINVAL, "32-bit control messages");
    }
    Ok(())
}

/// `sendmsg(2)`.
pub fn sendmsg(cx: Context<'_>, fd: FileDesc, message: UserPtr<MessageHeader>, flags: MessageFlags) -> Result<usize> {
    check(flags)?;
    let file = cx.thread.file(fd)?;
    send(cx.thread, as_socket(&*file)?, UserMessage(message), flags)
}

/// `recvmsg(2)`.
pub fn recvmsg(cx: Context<'_>, fd: FileDesc, message: UserPtr<MessageHeader>, flags: MessageFlags) -> Result<usize> {
    check(flags)?;
    let file = cx.thread.file(fd)?;
    receive(cx.thread, as_socket(&*file)?, UserMessage(message), flags).map(|(count, _)| count)
}

/// `sendmmsg(2)`.
pub fn sendmmsg(
    cx: Context<'_>,
    fd: FileDesc,
    messages: UserPtr<NumberedHeader>,
    count: u32,
    flags: MessageFlags,
) -> Result<usize> {
    check(flags)?;
    let file = cx.thread.file(fd)?;
    let socket = as_socket(&*file)?;
    each(messages, count, |message| {
        let sent = send(cx.thread, socket, message, flags)?;
        Ok((sent, Goes::On))
    })
}

/// `recvmmsg(2)`; the timeout is looked at after each message only, as on Linux.
pub fn recvmmsg(
    cx: Context<'_>,
    fd: FileDesc,
    messages: UserPtr<NumberedHeader>,
    count: u32,
    flags: MessageFlags,
    timeout: UserPtr<Timespec>,
) -> Result<usize> {
    check(flags)?;
    let deadline = match timeout.non_null() {
        Some(timeout) => {
            let time = timeout.read()?.duration()?;
            Some(Deadline::after(time))
        }
        None => None,
    };
    let file = cx.thread.file(fd)?;
    let socket = as_socket(&*file)?;
    let mut flags = flags;
    let received = each(messages, count, |message| {
        let (received, outcome) = receive(cx.thread, socket, message, flags - MessageFlags::MSG_WAITFORONE)?;
        if flags.contains(MessageFlags::MSG_WAITFORONE) {
            flags |= MessageFlags::MSG_DONTWAIT;
        }
        let is_over = deadline.is_some_and(Deadline::has_passed) || outcome.contains(MessageFlags::MSG_OOB);
        Ok((received, if is_over { Goes::NoFurther } else { Goes::On }))
    })?;
    if let Some(deadline) = deadline {
        timeout.write(&Timespec::from(deadline.remaining()))?;
    }
    Ok(received)
}

/// Whether more messages are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Goes {
    On,
    NoFurther,
}

/// Sends or receives one message after another, and writes how long each was; gives how many. An error ends it, which is
/// only told if it was the first.
fn each(
    messages: UserPtr<NumberedHeader>,
    count: u32,
    mut transfer: impl FnMut(UserMessage) -> Result<(usize, Goes)>,
) -> Result<usize> {
    let mut done = 0;
    while done < count.min(MAX_MESSAGES) as usize {
        let message = messages.at(done);
        let result = transfer(UserMessage(message.cast())).and_then(|(len, goes)| {
            let place = message.addr().wrapping_add(offset_of!(NumberedHeader, len));
            UserPtr::<u32>::new(place).write(&(len as u32))?;
            Ok(goes)
        });
        match result {
            Ok(goes) => {
                done += 1;
                if goes == Goes::NoFurther {
                    break;
                }
            }
            Err(error) if done == 0 => return Err(error),
            Err(_) => break,
        }
    }
    Ok(done)
}

fn send(thread: &Arc<Thread>, socket: &dyn Socket, message: UserMessage, flags: MessageFlags) -> Result<usize> {
    let header = message.read()?;
    let mut source = Source::user_vector(header.pieces()?);
    let address = header.address()?;
    let control = header.control()?;
    thread.io.count_write(socket.send(thread, &mut Outgoing { source: &mut source, address, control, flags }))
}

fn receive(
    thread: &Arc<Thread>,
    socket: &dyn Socket,
    message: UserMessage,
    flags: MessageFlags,
) -> Result<(usize, MessageFlags)> {
    let header = message.read()?;
    let mut sink = Sink::user_vector(header.pieces()?);
    let mut incoming = Incoming::new(&mut sink, flags);
    incoming.control = header.control_sink();
    let received = socket.receive(thread, &mut incoming)?;
    message.write_back(&header, &incoming)?;
    Ok((thread.io.count_read(Ok(received))?, incoming.outcome))
}
