//! System calls of sockets.

use super::{Direction, Endpoint};
use crate::events::Blocking;
use crate::fs::sys::install;
use crate::fs::{FdFlags, File, StatusFlags};
use crate::prelude::*;
use crate::signal;
use crate::syscalls::Context;
use crate::syscalls::args::{Addr, FileDesc};
use bitflags::bitflags;
use frame::ocall::file::MAX_TRANSFER;

bitflags! {
    /// Flags of a transfer (`man 2 send`, `man 2 recv`); Linux ignores those that mean nothing to a socket.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct MessageFlags: u32 {
        const MSG_OOB = 0x1;
        const MSG_PEEK = 0x2;
        const MSG_DONTWAIT = 0x40;
        const MSG_WAITALL = 0x100;
        const MSG_NOSIGNAL = 0x4000;
    }
}

impl MessageFlags {
    fn blocking(self, socket: &Endpoint) -> Blocking {
        if self.contains(Self::MSG_DONTWAIT) { Blocking::DontWait } else { socket.blocking() }
    }
}

fn endpoint(file: &Arc<dyn File>) -> Result<&Endpoint> {
    if file.status().contains(StatusFlags::O_PATH) {
        bail!(EBADF, "the file was opened with O_PATH");
    }
    file.downcast_ref().ok_or(err!(ENOTSOCK, "not a socket"))
}

/// `socketpair(2)`.
pub fn socketpair(cx: Context<'_>, domain: i32, kind: u32, protocol: i32, fds: UserPtr<[i32; 2]>) -> Result<usize> {
    const AF_UNIX: i32 = 1;
    const AF_INET: i32 = 2;
    const AF_INET6: i32 = 10;
    const SOCK_STREAM: u32 = 1;
    const TYPE: u32 = 0xf;
    let known = StatusFlags::O_NONBLOCK | StatusFlags::O_CLOEXEC;
    let status = StatusFlags::from_bits(kind & !TYPE).filter(|status| known.contains(*status));
    let status = status.ok_or(err!(EINVAL, "undefined flags"))?;
    match domain {
        AF_UNIX => {}
        AF_INET | AF_INET6 => bail!(EOPNOTSUPP, "such sockets don't come in pairs"),
        _ => bail!(EAFNOSUPPORT, "no such address family"),
    }
    if protocol != 0 && protocol != AF_UNIX {
        bail!(EPROTONOSUPPORT, "Unix sockets have no such protocol");
    }
    if kind & TYPE != SOCK_STREAM {
        warn!("Unix sockets of type {} are not there yet", kind & TYPE);
        bail!(ESOCKTNOSUPPORT, "only stream sockets are there");
    }
    let credentials = cx.thread.credentials();
    let [one, other] = Endpoint::pair(status & StatusFlags::O_NONBLOCK, [credentials.fsuid, credentials.fsgid]);
    let flags = if status.contains(StatusFlags::O_CLOEXEC) { FdFlags::CLOEXEC } else { FdFlags::empty() };
    let close = |fd: usize| {
        let _ = cx.thread.close(FileDesc(fd as i32));
    };
    let one = install(cx.thread, one, flags)?;
    let other = install(cx.thread, other, flags).inspect_err(|_| close(one))?;
    fds.write(&[one as i32, other as i32]).inspect_err(|_| {
        close(one);
        close(other);
    })?;
    Ok(0)
}

/// `sendto(2)`.
pub fn sendto(
    cx: Context<'_>,
    fd: FileDesc,
    buf: UserPtr<u8>,
    len: usize,
    flags: u32,
    addr: Addr,
    addr_len: u32,
) -> Result<usize> {
    let buf = buf.slice(len.min(MAX_TRANSFER))?;
    let file = cx.thread.file(fd)?;
    let socket = endpoint(&file)?;
    let flags = MessageFlags::from_bits_truncate(flags);
    if flags.contains(MessageFlags::MSG_OOB) {
        warn!("out-of-band data is not there");
        bail!(EOPNOTSUPP, "no out-of-band data");
    }
    if addr.0 != 0 && addr_len != 0 {
        bail!(EISCONN, "the socket is connected");
    }
    let result = socket.send(&mut Source::user(buf), flags.blocking(socket));
    if flags.contains(MessageFlags::MSG_NOSIGNAL) { result } else { signal::raise_if_broken_pipe(cx.thread, result) }
}

/// `recvfrom(2)`: a socket of a pair has no name, so the address's length is 0.
pub fn recvfrom(
    cx: Context<'_>,
    fd: FileDesc,
    buf: UserPtr<u8>,
    len: usize,
    flags: u32,
    addr: Addr,
    addr_len: UserPtr<u32>,
) -> Result<usize> {
    let buf = buf.slice(len.min(MAX_TRANSFER))?;
    let file = cx.thread.file(fd)?;
    let socket = endpoint(&file)?;
    let flags = MessageFlags::from_bits_truncate(flags);
    if flags.contains(MessageFlags::MSG_OOB) {
        bail!(EINVAL, "no out-of-band data");
    }
    let received = receive(socket, &mut Sink::user(buf), flags)?;
    if addr.0 != 0 {
        addr_len.write(&0)?;
    }
    Ok(received)
}

fn receive(socket: &Endpoint, sink: &mut Sink<'_>, flags: MessageFlags) -> Result<usize> {
    let blocking = flags.blocking(socket);
    if flags.contains(MessageFlags::MSG_PEEK) {
        return socket.peek(sink, blocking);
    }
    let mut total = socket.receive(sink, blocking)?;
    if flags.contains(MessageFlags::MSG_WAITALL) && blocking == Blocking::Wait {
        while total > 0 && !sink.is_empty() {
            match socket.receive(sink, blocking) {
                Ok(0) | Err(_) => break,
                Ok(count) => total += count,
            }
        }
    }
    Ok(total)
}

/// `shutdown(2)`.
pub fn shutdown(cx: Context<'_>, fd: FileDesc, how: i32) -> Result<usize> {
    let directions: &[Direction] = match how {
        0 => &[Direction::Incoming],
        1 => &[Direction::Outgoing],
        2 => &[Direction::Incoming, Direction::Outgoing],
        _ => bail!(EINVAL, "no such direction"),
    };
    let file = cx.thread.file(fd)?;
    let socket = endpoint(&file)?;
    for &direction in directions {
        socket.shut(direction);
    }
    Ok(0)
}
