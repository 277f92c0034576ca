//! Internet sockets of the host whose loopback is inside (`--net-loopback inside`).
//!
//! What can be bound and reached is what the host lets be bound and reached. Only the way differs: what one process sends to
//! another one inside by an address of the loopback doesn't leave the LibOS. A socket that others may find, one that listens
//! or receives datagrams, is therefore there twice, at the host and in the LibOS's own table of ports under the same address,
//! and takes what comes from either. Who connects or sends looks into that table first, and goes to the host when nobody is
//! in it.
//!
//! - [`StreamSocket`]: TCP; a connection goes one way or the other for good;
//! - [`DatagramSocket`]: UDP; each datagram goes its own way.

mod datagram;
mod stream;

use self::datagram::DatagramSocket;
use self::stream::StreamSocket;
use super::{IPPROTO_TCP, IPPROTO_UDP};
use crate::fs::{File, StatusFlags};
use crate::net::host;
use crate::prelude::*;
use crate::process::Thread;
use frame::ocall::net::{Domain, Kind};

/// A socket; one of the host alone if it's neither of TCP nor of UDP.
///
/// # Errors
/// What the host gives.
pub fn create(
    thread: &Arc<Thread>,
    domain: Domain,
    kind: Kind,
    protocol: i32,
    status: StatusFlags,
) -> Result<Arc<dyn File>> {
    match (domain, kind, protocol) {
        (Domain::Inet | Domain::Inet6, Kind::Stream, 0 | IPPROTO_TCP) => StreamSocket::create(thread, domain, status),
        (Domain::Inet | Domain::Inet6, Kind::Datagram, 0 | IPPROTO_UDP) => {
            DatagramSocket::create(thread, domain, status)
        }
        _ => host::create(thread, domain, kind, protocol, status),
    }
}
