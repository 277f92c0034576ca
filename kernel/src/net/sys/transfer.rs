//! `sendto`, `recvfrom`.

use super::as_socket;
use crate::net::{Address, Incoming, MessageFlags, Outgoing};
use crate::prelude::*;
use crate::syscalls::Context;
use crate::syscalls::args::FileDesc;
use frame::ocall::file::MAX_TRANSFER;

/// `sendto(2)`.
pub fn sendto(
    cx: Context<'_>,
    fd: FileDesc,
    buf: UserPtr<u8>,
    len: usize,
    flags: MessageFlags,
    address: UserPtr<u8>,
    address_len: i32,
) -> Result<usize> {
    let buf = buf.slice(len.min(MAX_TRANSFER))?;
    let file = cx.thread.file(fd)?;
    let socket = as_socket(&*file)?;
    let mut source = Source::user(buf);
    let mut message = Outgoing::new(&mut source, flags);
    if !address.is_null() {
        message.address = Some(Address::read(address, address_len)?).filter(|address| !address.is_empty());
    }
    cx.thread.io.count_write(socket.send(cx.thread, &mut message))
}

/// `recvfrom(2)`.
pub fn recvfrom(
    cx: Context<'_>,
    fd: FileDesc,
    buf: UserPtr<u8>,
    len: usize,
    flags: MessageFlags,
    address: UserPtr<u8>,
    address_len: UserPtr<i32>,
) -> Result<usize> {
    let buf = buf.slice(len.min(MAX_TRANSFER))?;
    let file = cx.thread.file(fd)?;
    let mut sink = Sink::user(buf);
    if address.is_null() {
        return cx.thread.io.count_read(as_socket(&*file)?.receive_bytes(cx.thread, &mut sink, flags));
    }
    let mut message = Incoming::new(&mut sink, flags);
    let received = as_socket(&*file)?.receive(cx.thread, &mut message)?;
    message.address.write(address, address_len)?;
    cx.thread.io.count_read(Ok(received))
}
