//! Addresses and connections: `bind(2)`, `connect(2)`, `listen(2)`, `accept(2)`, names, `shutdown(2)`.

use super::{as_socket, status};
use crate::fs::sys::{check_room, fd_flags, install};
use crate::net::{Address, Half};
use crate::prelude::*;
use crate::syscalls::Context;
use crate::syscalls::args::{Addr, FileDesc, Flags};

/// `bind(2)`.
pub fn bind(cx: Context<'_>, fd: FileDesc, addr: Addr, addr_len: i32) -> Result<usize> {
    let file = cx.thread.file(fd)?;
    let socket = as_socket(&file)?;
    socket.bind(&cx.thread.credentials(), &Address::read(addr, addr_len)?)?;
    Ok(0)
}

/// `connect(2)`.
pub fn connect(cx: Context<'_>, fd: FileDesc, addr: Addr, addr_len: i32) -> Result<usize> {
    let file = cx.thread.file(fd)?;
    let socket = as_socket(&file)?;
    socket.connect(&Address::read(addr, addr_len)?)?;
    Ok(0)
}

/// `listen(2)`.
pub fn listen(cx: Context<'_>, fd: FileDesc, backlog: i32) -> Result<usize> {
    let file = cx.thread.file(fd)?;
    as_socket(&file)?.listen(backlog)?;
    Ok(0)
}

/// `accept(2)`.
pub fn accept(cx: Context<'_>, fd: FileDesc, addr: Addr, addr_len: UserPtr<i32>) -> Result<usize> {
    accept4(cx, fd, addr, addr_len, Flags(0))
}

/// `accept4(2)`.
pub fn accept4(cx: Context<'_>, fd: FileDesc, addr: Addr, addr_len: UserPtr<i32>, flags: Flags) -> Result<usize> {
    let status = status(flags.0)?;
    let file = cx.thread.file(fd)?;
    let socket = as_socket(&file)?;
    // Before it's taken from those that wait.
    check_room(cx.thread)?;
    let (connection, peer) = socket.accept(status)?;
    if addr.0 != 0 {
        peer.write_back(addr, addr_len)?;
    }
    install(cx.thread, connection, fd_flags(status))
}

/// `getsockname(2)`.
pub fn getsockname(cx: Context<'_>, fd: FileDesc, addr: Addr, addr_len: UserPtr<i32>) -> Result<usize> {
    let file = cx.thread.file(fd)?;
    as_socket(&file)?.name()?.write_back(addr, addr_len)?;
    Ok(0)
}

/// `getpeername(2)`.
pub fn getpeername(cx: Context<'_>, fd: FileDesc, addr: Addr, addr_len: UserPtr<i32>) -> Result<usize> {
    let file = cx.thread.file(fd)?;
    as_socket(&file)?.peer()?.write_back(addr, addr_len)?;
    Ok(0)
}

/// `shutdown(2)`.
pub fn shutdown(cx: Context<'_>, fd: FileDesc, how: i32) -> Result<usize> {
    let file = cx.thread.file(fd)?;
    let socket = as_socket(&file)?;
    socket.shut_down(match how {
        0 => Half::Receive,
        1 => Half::Send,
        2 => Half::Both,
        _ => bail!(EINVAL, "no such half"),
    })?;
    Ok(0)
}
