//! `bind`, `listen`, `connect`, `accept`, `shutdown`.

use super::as_socket;
use super::create::{fd_flags, status};
use crate::fs::StatusFlags;
use crate::fs::sys::{check_room, install};
use crate::net::{Address, Shutdown};
use crate::prelude::*;
use crate::syscalls::Context;
use crate::syscalls::args::{FileDesc, Flags};

/// `bind(2)`.
pub fn bind(cx: Context<'_>, fd: FileDesc, address: UserPtr<u8>, len: i32) -> Result<usize> {
    let file = cx.thread.file(fd)?;
    let socket = as_socket(&*file)?;
    socket.bind(cx.thread, &Address::read(address, len)?)?;
    Ok(0)
}

/// `listen(2)`.
pub fn listen(cx: Context<'_>, fd: FileDesc, backlog: i32) -> Result<usize> {
    let file = cx.thread.file(fd)?;
    as_socket(&*file)?.listen(cx.thread, backlog)?;
    Ok(0)
}

/// `connect(2)`.
pub fn connect(cx: Context<'_>, fd: FileDesc, address: UserPtr<u8>, len: i32) -> Result<usize> {
    let file = cx.thread.file(fd)?;
    let socket = as_socket(&*file)?;
    socket.connect(cx.thread, &Address::read(address, len)?)?;
    Ok(0)
}

/// `accept(2)`.
pub fn accept(cx: Context<'_>, fd: FileDesc, address: UserPtr<u8>, len: UserPtr<i32>) -> Result<usize> {
    accept4(cx, fd, address, len, Flags(0))
}

/// `accept4(2)`.
pub fn accept4(cx: Context<'_>, fd: FileDesc, address: UserPtr<u8>, len: UserPtr<i32>, flags: Flags) -> Result<usize> {
    let status = status(flags.0)?;
    let file = cx.thread.file(fd)?;
    let socket = as_socket(&*file)?;
    // Before a connection is taken from those that wait.
    check_room(cx.thread)?;
    let accepted = socket.accept(cx.thread, status & StatusFlags::O_NONBLOCK)?;
    if !address.is_null() {
        let Ok(name) = as_socket(&*accepted)?.peer_name() else {
            bail!(ECONNABORTED, "the peer is gone already");
        };
        name.write(address, len)?;
    }
    install(cx.thread, accepted, fd_flags(status))
}

/// `shutdown(2)`.
pub fn shutdown(cx: Context<'_>, fd: FileDesc, how: i32) -> Result<usize> {
    let file = cx.thread.file(fd)?;
    let socket = as_socket(&*file)?;
    let how = match how {
        0 => Shutdown::Read,
        1 => Shutdown::Write,
        2 => Shutdown::Both,
        _ => bail!(EINVAL, "no such direction"),
    };
    socket.shutdown(how)?;
    Ok(0)
}
