//! Sockets that the host provides: `AF_INET`, `AF_INET6`, and route sockets of `AF_NETLINK`.
//!
//! - [`HostSocketFile`]: such a socket as a file; each of its calls is an OCall, and the host knows when it's ready;
//! - `options`: which options there are;
//! - `control`: which control messages pass;
//! - `rules`: which addresses may be bound and reached (`--net-bind`, `--net-connect`);
//! - `netlink`: what may be asked of the host's kernel;
//! - `interfaces`: requests about network interfaces.

mod control;
mod interfaces;
mod netlink;
mod options;
mod rules;
mod socket;

pub use socket::HostSocketFile;

use crate::boot;
use crate::fs::{File, StatusFlags};
use crate::prelude::*;
use crate::process::Thread;
use config::Net;
use frame::ocall::net::{Domain, HostSocket, Kind};

/// Whether the host's network is there (`--net host`).
pub fn is_host_there() -> bool {
    boot::config().is_some_and(|config| config.net == Net::Host)
}

/// Whether a file is a socket of the host that isn't connected as a stream.
pub fn is_datagram(file: &dyn File) -> bool {
    file.downcast_ref::<HostSocketFile>().is_some_and(|socket| !socket.is_stream())
}

/// Answers an `ioctl` about network interfaces that was asked of a socket of another kind: any socket will do for it.
///
/// # Errors
/// `ENOTTY` for what isn't such a request, and what the host gives.
pub fn ask_about_interfaces(request: u32, argument: u64) -> Result<usize> {
    if !interfaces::is_request(request) {
        bail!(ENOTTY, "a socket has no such request");
    }
    interfaces::ioctl(&HostSocket::new(Domain::Inet, Kind::Datagram, 0, 0)?, request, argument)
}

/// A socket of the host.
///
/// # Errors
/// `EPERM` for a raw socket without `CAP_NET_RAW`, and what the host gives.
pub fn create(
    thread: &Thread,
    domain: Domain,
    kind: Kind,
    protocol: i32,
    status: StatusFlags,
) -> Result<Arc<dyn File>> {
    Ok(HostSocketFile::new(domain, kind, protocol, status, &thread.credentials())?)
}
