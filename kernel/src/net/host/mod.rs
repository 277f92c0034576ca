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

use crate::fs::{File, StatusFlags};
use crate::prelude::*;
use crate::process::Thread;
use frame::ocall::net::{Domain, Kind};

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
