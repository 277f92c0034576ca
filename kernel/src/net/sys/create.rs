//! `socket(2)` and `socketpair(2)`.

use super::status;
use crate::boot;
use crate::fs::sys::{fd_flags, install};
use crate::fs::{File, StatusFlags};
use crate::net::{DatagramSocket, Endpoint, HostSocketFile, StreamSocket};
use crate::prelude::*;
use crate::process::Credentials;
use crate::syscalls::Context;
use crate::syscalls::args::{FileDesc, Flags};
use config::Net;
use frame::ocall::net::{Domain, Kind};

/// One more than the highest address family that Linux has.
const AF_MAX: i32 = 46;
const AF_UNIX: i32 = 1;
const AF_INET: i32 = 2;
const AF_INET6: i32 = 10;
const AF_NETLINK: i32 = 16;

/// The part of a type that isn't flags, and one more than its highest value.
const SOCK_TYPE: u32 = 0xf;
const SOCK_MAX: u32 = 11;
const SOCK_STREAM: u32 = 1;
const SOCK_DGRAM: u32 = 2;
const SOCK_RAW: u32 = 3;

/// Checks family and type as Linux does before it asks the family; gives the type and the status.
fn decode(domain: i32, kind: u32) -> Result<(u32, StatusFlags)> {
    let status = status(kind & !SOCK_TYPE)?;
    if !(0..AF_MAX).contains(&domain) {
        bail!(EAFNOSUPPORT, "no such address family");
    }
    if kind & SOCK_TYPE >= SOCK_MAX {
        bail!(EINVAL, "no such type of sockets");
    }
    Ok((kind & SOCK_TYPE, status))
}

/// `socket(2)`.
pub fn socket(cx: Context<'_>, domain: i32, kind: Flags, protocol: i32) -> Result<usize> {
    let (kind, status) = decode(domain, kind.0)?;
    let domain = match domain {
        AF_INET => Domain::Inet,
        AF_INET6 => Domain::Inet6,
        AF_NETLINK => Domain::Netlink,
        _ => {
            warn!("sockets of address family {domain} are not there");
            bail!(EAFNOSUPPORT, "no such address family");
        }
    };
    let kind = match kind {
        SOCK_STREAM => Kind::Stream,
        SOCK_DGRAM => Kind::Datagram,
        SOCK_RAW => Kind::Raw,
        _ => bail!(ESOCKTNOSUPPORT, "the family has no such sockets"),
    };
    let credentials = cx.thread.credentials();
    let file: Arc<dyn File> = if boot::config().is_some_and(|config| config.net == Net::Host) {
        HostSocketFile::new(domain, kind, protocol, status, &credentials)?
    } else {
        inside(domain, kind, protocol, status, &credentials)?
    };
    install(cx.thread, file, fd_flags(status))
}

/// A socket of the loopback inside the LibOS.
fn inside(
    domain: Domain,
    kind: Kind,
    protocol: i32,
    status: StatusFlags,
    credentials: &Credentials,
) -> Result<Arc<dyn File>> {
    const IPPROTO_TCP: i32 = 6;
    const IPPROTO_UDP: i32 = 17;
    /// One more than the highest protocol (`IPPROTO_MAX`).
    const PROTOCOLS: core::ops::Range<i32> = 0..263;
    if domain == Domain::Netlink {
        warn!("there are no route sockets without a network (--net none)");
        bail!(EAFNOSUPPORT, "there is no network");
    }
    if !PROTOCOLS.contains(&protocol) {
        bail!(EINVAL, "no such protocol");
    }
    match (kind, protocol) {
        (Kind::Stream, 0 | IPPROTO_TCP) => Ok(StreamSocket::new(domain, status, credentials)),
        (Kind::Datagram, 0 | IPPROTO_UDP) => Ok(DatagramSocket::new(domain, status, credentials)),
        _ => {
            warn!("there is only TCP and UDP without a network (--net none)");
            bail!(EPROTONOSUPPORT, "there is only TCP and UDP")
        }
    }
}

/// `socketpair(2)`.
pub fn socketpair(cx: Context<'_>, domain: i32, kind: Flags, protocol: i32, fds: UserPtr<[i32; 2]>) -> Result<usize> {
    let (kind, status) = decode(domain, kind.0)?;
    match domain {
        AF_UNIX => {}
        AF_INET | AF_INET6 | AF_NETLINK => bail!(EOPNOTSUPP, "such sockets don't come in pairs"),
        _ => bail!(EAFNOSUPPORT, "no such address family"),
    }
    if protocol != 0 && protocol != AF_UNIX {
        bail!(EPROTONOSUPPORT, "Unix sockets have no such protocol");
    }
    if kind != SOCK_STREAM {
        warn!("Unix sockets of type {kind} are not there yet");
        bail!(ESOCKTNOSUPPORT, "only stream sockets are there");
    }
    let [one, other] = Endpoint::pair(status & StatusFlags::O_NONBLOCK, &cx.thread.credentials());
    let close = |fd: usize| {
        let _ = cx.thread.close(FileDesc(fd as i32));
    };
    let one = install(cx.thread, one, fd_flags(status))?;
    let other = install(cx.thread, other, fd_flags(status)).inspect_err(|_| close(one))?;
    fds.write(&[one as i32, other as i32]).inspect_err(|_| {
        close(one);
        close(other);
    })?;
    Ok(0)
}
