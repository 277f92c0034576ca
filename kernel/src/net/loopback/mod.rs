//! Internet sockets of the loopback inside the LibOS: no call reaches the host.
//!
//! - `address`: addresses of the loopback, as programs write and read them;
//! - `ports`: who has bound which address;
//! - [`StreamSocket`]: TCP, whose `connection`s are two channels, with `urgent` data;
//! - [`DatagramSocket`]: UDP, whose datagrams wait with the receiver;
//! - `options`: options of both;
//! - `control`: control messages of both;
//! - [`hybrid`]: both together with the host's sockets.
//!
//! The table of ports and a socket's own state are never locked together.

mod address;
mod connection;
mod control;
mod datagram;
pub mod hybrid;
mod options;
mod ports;
mod stream;
mod urgent;
mod waiting;

pub use datagram::DatagramSocket;
pub use stream::StreamSocket;

use crate::fs::{File, StatusFlags};
use crate::prelude::*;
use crate::process::Thread;
use frame::ocall::net::{Domain, Kind};

/// A socket where there is no other network (`--net none`).
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

const IPPROTO_TCP: i32 = 6;
const IPPROTO_UDP: i32 = 17;
