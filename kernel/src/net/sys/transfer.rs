//! Sending and receiving one message.

use super::as_socket;
use crate::fs::sys::buffer;
use crate::net::{Address, MessageFlags, MessageHeader, Outgoing, Socket, Wanted};
use crate::prelude::*;
use crate::process::Thread;
use crate::signal;
use crate::syscalls::Context;
use crate::syscalls::args::{Addr, FileDesc, Flags};

/// `sendto(2)`.
pub fn sendto(
    cx: Context<'_>,
    fd: FileDesc,
    buf: UserPtr<u8>,
    len: usize,
    flags: Flags,
    addr: Addr,
    addr_len: i32,
) -> Result<usize> {
    let source = &mut Source::user(buffer(buf, len)?);
    let file = cx.thread.file(fd)?;
    let socket = as_socket(&file)?;
    let to = if addr.0 == 0 { Address::NONE } else { Address::read(addr, addr_len)? };
    send(cx.thread, socket, source, &to, &[], MessageFlags::from_bits_truncate(flags.0))
}

/// `sendmsg(2)`.
pub fn sendmsg(cx: Context<'_>, fd: FileDesc, message: UserPtr<MessageHeader>, flags: Flags) -> Result<usize> {
    let file = cx.thread.file(fd)?;
    send_message(cx.thread, as_socket(&file)?, message, MessageFlags::from_bits_truncate(flags.0))
}

/// Sends the message that a header describes.
pub(super) fn send_message(
    thread: &Arc<Thread>,
    socket: &dyn Socket,
    message: UserPtr<MessageHeader>,
    flags: MessageFlags,
) -> Result<usize> {
    let header = MessageHeader::read(message)?;
    let to = header.address()?;
    let source = &mut Source::user_vector(header.pieces()?);
    send(thread, socket, source, &to, &header.control()?, flags)
}

fn send(
    thread: &Arc<Thread>,
    socket: &dyn Socket,
    source: &mut Source<'_>,
    to: &Address,
    control: &[u8],
    flags: MessageFlags,
) -> Result<usize> {
    let result = thread.io.count_write(socket.send(source, Outgoing { to, control, flags }));
    if flags.contains(MessageFlags::MSG_NOSIGNAL) { result } else { signal::raise_if_broken_pipe(thread, result) }
}

/// `recvfrom(2)`.
pub fn recvfrom(
    cx: Context<'_>,
    fd: FileDesc,
    buf: UserPtr<u8>,
    len: usize,
    flags: Flags,
    addr: Addr,
    addr_len: UserPtr<i32>,
) -> Result<usize> {
    let sink = &mut Sink::user(buffer(buf, len)?);
    let file = cx.thread.file(fd)?;
    let socket = as_socket(&file)?;
    let flags = MessageFlags::from_bits_truncate(flags.0);
    if addr.0 == 0 {
        return cx.thread.io.count_read(socket.receive(sink, flags));
    }
    let received = socket.receive_message(sink, Wanted { control_room: 0, flags })?;
    received.from.write_back(addr, addr_len)?;
    cx.thread.io.count_read(Ok(received.len))
}

/// `recvmsg(2)`.
pub fn recvmsg(cx: Context<'_>, fd: FileDesc, message: UserPtr<MessageHeader>, flags: Flags) -> Result<usize> {
    let file = cx.thread.file(fd)?;
    receive_message(cx.thread, as_socket(&file)?, message, MessageFlags::from_bits_truncate(flags.0))
}

/// Receives a message into what a header describes.
pub(super) fn receive_message(
    thread: &Arc<Thread>,
    socket: &dyn Socket,
    message: UserPtr<MessageHeader>,
    flags: MessageFlags,
) -> Result<usize> {
    let header = MessageHeader::read(message)?;
    let sink = &mut Sink::user_vector(header.pieces()?);
    let received = socket.receive_message(sink, Wanted { control_room: header.control_room(), flags })?;
    header.write_back(message, &received)?;
    thread.io.count_read(Ok(received.len))
}
