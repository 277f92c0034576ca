//! Internet sockets of the loopback inside the LibOS (`--net none`): no call reaches the host.
//!
//! - `address`: addresses of the loopback, as programs write and read them;
//! - `ports`: who has bound which address;
//! - [`StreamSocket`]: TCP, whose `connection`s are two channels;
//! - [`DatagramSocket`]: UDP, whose datagrams wait with the receiver;
//! - `options`: options of both.
//!
//! The table of ports and a socket's own state are never locked together.

mod address;
mod connection;
mod datagram;
mod options;
mod ports;
mod stream;
mod waiting;

pub use datagram::DatagramSocket;
pub use stream::StreamSocket;

use crate::fs::{File, StatusFlags};
use crate::prelude::*;
use crate::process::Thread;
use frame::ocall::net::{Domain, Kind};

/// A socket.
///
/// # Errors
/// `EAFNOSUPPORT`, `EPROTONOSUPPORT`, `EINVAL` for what isn't there without a network.
pub fn create(
    thread: &Thread,
    domain: Domain,
    kind: Kind,
    protocol: i32,
    status: StatusFlags,
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
    let credentials = thread.credentials();
    match (kind, protocol) {
        (Kind::Stream, 0 | IPPROTO_TCP) => Ok(StreamSocket::new(domain, status, &credentials)),
        (Kind::Datagram, 0 | IPPROTO_UDP) => Ok(DatagramSocket::new(domain, status, &credentials)),
        _ => {
            warn!("there is only TCP and UDP without a network (--net none)");
            bail!(EPROTONOSUPPORT, "there is only TCP and UDP")
        }
    }
}

/// Bytes of a `struct cmsghdr`: less than that is no control message.
const CONTROL_HEADER: usize = 16;
