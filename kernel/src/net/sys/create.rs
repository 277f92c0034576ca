//! `socket` and `socketpair`.

use crate::boot;
use crate::fs::sys::install;
use crate::fs::{FdFlags, File, StatusFlags};
use crate::net::unix::{self, Kind};
use crate::net::{host, loopback};
use crate::prelude::*;
use crate::process::Thread;
use crate::syscalls::Context;
use crate::syscalls::args::FileDesc;
use config::{Loopback, Net};
use frame::ocall::net::{Domain, Kind as HostKind};

const AF_UNSPEC: i32 = 0;
const AF_UNIX: i32 = 1;
const AF_INET: i32 = 2;
const AF_INET6: i32 = 10;
const AF_NETLINK: i32 = 16;
/// The highest number of a family that Linux knows.
const AF_MAX: i32 = 46;

/// What a socket's type is given together with.
const STATUS: StatusFlags = StatusFlags::O_NONBLOCK.union(StatusFlags::O_CLOEXEC);
const TYPE: u32 = 0xf;

/// Takes a type and the flags with it apart.
pub(super) fn status(flags: u32) -> Result<StatusFlags> {
    StatusFlags::from_bits(flags).filter(|&status| STATUS.contains(status)).ok_or(err!(EINVAL, "undefined flags"))
}

pub(super) fn fd_flags(status: StatusFlags) -> FdFlags {
    if status.contains(StatusFlags::O_CLOEXEC) { FdFlags::CLOEXEC } else { FdFlags::empty() }
}

fn unix_kind(kind: u32, protocol: i32) -> Result<Kind> {
    if protocol != 0 && protocol != AF_UNIX {
        bail!(EPROTONOSUPPORT, "Unix sockets have no such protocol");
    }
    Kind::from_raw(kind).ok_or(err!(ESOCKTNOSUPPORT, "Unix sockets have no such type"))
}

/// `socket(2)`.
pub fn socket(cx: Context<'_>, domain: i32, kind: u32, protocol: i32) -> Result<usize> {
    let status = status(kind & !TYPE)?;
    let file = create(cx.thread, domain, kind & TYPE, protocol, status & StatusFlags::O_NONBLOCK)?;
    install(cx.thread, file, fd_flags(status))
}

fn create(thread: &Arc<Thread>, domain: i32, kind: u32, protocol: i32, status: StatusFlags) -> Result<Arc<dyn File>> {
    const MAX_TYPE: u32 = 11;
    if !(AF_UNSPEC..AF_MAX).contains(&domain) {
        bail!(EAFNOSUPPORT, "no such address family");
    }
    if kind >= MAX_TYPE {
        bail!(EINVAL, "no such type of socket");
    }
    match domain {
        AF_UNIX => Ok(unix::create(thread, unix_kind(kind, protocol)?, status)),
        AF_INET => internet(thread, Domain::Inet, kind, protocol, status),
        AF_INET6 => internet(thread, Domain::Inet6, kind, protocol, status),
        AF_NETLINK => internet(thread, Domain::Netlink, kind, protocol, status),
        _ => {
            warn!("sockets of family {domain} are not supported");
            bail!(EAFNOSUPPORT, "the address family is not built in");
        }
    }
}

/// A socket of the network that there is.
fn internet(
    thread: &Arc<Thread>,
    domain: Domain,
    kind: u32,
    protocol: i32,
    status: StatusFlags,
) -> Result<Arc<dyn File>> {
    const SOCK_STREAM: u32 = 1;
    const SOCK_DGRAM: u32 = 2;
    const SOCK_RAW: u32 = 3;
    let kind = match kind {
        SOCK_STREAM => HostKind::Stream,
        SOCK_DGRAM => HostKind::Datagram,
        SOCK_RAW => HostKind::Raw,
        _ => bail!(ESOCKTNOSUPPORT, "the family has no such sockets"),
    };
    match boot::config().map(|config| (config.net, config.net_loopback)) {
        Some((Net::Host, Loopback::Host)) => host::create(thread, domain, kind, protocol, status),
        Some((Net::Host, Loopback::Inside)) => loopback::hybrid::create(thread, domain, kind, protocol, status),
        Some((Net::None, _)) | None => loopback::create(thread, domain, kind, protocol, status),
    }
}

/// `socketpair(2)`.
pub fn socketpair(cx: Context<'_>, domain: i32, kind: u32, protocol: i32, fds: UserPtr<[i32; 2]>) -> Result<usize> {
    let status = status(kind & !TYPE)?;
    let files = match domain {
        AF_UNIX => unix::pair(cx.thread, unix_kind(kind & TYPE, protocol)?, status & StatusFlags::O_NONBLOCK),
        AF_INET | AF_INET6 | AF_NETLINK => bail!(EOPNOTSUPP, "such sockets don't come in pairs"),
        _ => bail!(EAFNOSUPPORT, "no such address family"),
    };
    let flags = fd_flags(status);
    let close = |fd: usize| {
        let _ = cx.thread.close(FileDesc(fd as i32));
    };
    let [one, other] = files;
    let one = install(cx.thread, one, flags)?;
    let other = install(cx.thread, other, flags).inspect_err(|_| close(one))?;
    fds.write(&[one as i32, other as i32]).inspect_err(|_| {
        close(one);
        close(other);
    })?;
    Ok(0)
}
