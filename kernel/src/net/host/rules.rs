//! Which addresses a program may bind and reach.

use crate::boot;
use crate::prelude::*;
use crate::process::{Credentials, cap};
use config::NetRules;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use frame::ocall::file::{self, HostFd};
use frame::ocall::net::{HostSocket, Kind};
use frame::sync::Once;

const AF_UNSPEC: u16 = 0;
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

/// The Internet address that a `struct sockaddr` holds, if Linux would take it for one. Without a family, it's one of IPv4
/// where Linux is lenient (`man 2 bind`).
fn internet_address(bytes: &[u8]) -> Option<SocketAddr> {
    let field = |at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    match u16::from_ne_bytes([*bytes.first()?, *bytes.get(1)?]) {
        AF_UNSPEC | AF_INET => {
            let address: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
            Some((IpAddr::from(Ipv4Addr::from(address)), field(2)?).into())
        }
        AF_INET6 => {
            let address: [u8; 16] = bytes.get(8..24)?.try_into().ok()?;
            Some((IpAddr::from(Ipv6Addr::from(address)), field(2)?).into())
        }
        _ => None,
    }
}

fn rules() -> Option<&'static NetRules> {
    boot::config().map(|config| &config.net_rules)
}

/// Checks that an address may be bound.
///
/// # Errors
/// `EACCES`.
pub(super) fn check_bind(credentials: &Credentials, address: &[u8]) -> Result<()> {
    let Some(address) = internet_address(address) else { return Ok(()) };
    let port = address.port();
    if port != 0 && !credentials.has_cap(cap::NET_BIND_SERVICE) && port < first_unprivileged_port() {
        bail!(EACCES, "the port needs CAP_NET_BIND_SERVICE");
    }
    check_port(port)
}

/// Checks that a socket may listen: the host chooses a port for one that isn't bound.
///
/// # Errors
/// `EACCES`.
pub(super) fn check_listen(socket: &HostSocket) -> Result<()> {
    if rules().is_none_or(|rules| rules.bind.is_none()) {
        return Ok(());
    }
    match internet_address(socket.name()?.as_bytes()) {
        Some(address) if address.port() == 0 => check_port(0),
        _ => Ok(()),
    }
}

fn check_port(port: u16) -> Result<()> {
    if rules().is_none_or(|rules| rules.may_bind(port)) {
        return Ok(());
    }
    warn!("port {port} may not be bound (net-bind)");
    Err(err!(EACCES, "the port may not be bound"))
}

/// Checks that an address may be connected or sent to by a socket of this type.
///
/// # Errors
/// `EACCES`.
pub(super) fn check_reach(kind: Kind, address: &[u8]) -> Result<()> {
    let (Some(rules), Some(address)) = (rules(), internet_address(address)) else { return Ok(()) };
    let may = match kind {
        Kind::Stream | Kind::Datagram => rules.may_connect(address),
        Kind::Raw => rules.may_reach(address.ip()),
    };
    if may {
        return Ok(());
    }
    warn!("{address} may not be connected or sent to (net-connect)");
    Err(err!(EACCES, "the address may not be connected to"))
}

/// Whether it has no family, by which `connect` ends a connection.
pub(super) fn is_disconnect(address: &[u8]) -> bool {
    address.get(..2).is_some_and(|family| family == AF_UNSPEC.to_ne_bytes())
}

/// `ip_unprivileged_port_start` of the host.
fn first_unprivileged_port() -> u16 {
    const USUAL: u16 = 1024;
    static FIRST: Once<u16> = Once::new();
    *FIRST.call_once(|| {
        let read = |fd: HostFd| {
            let mut text = [0; 8];
            let len = file::read_at(&fd, 0, &mut Sink::buffer(&mut text)).ok()?;
            core::str::from_utf8(&text[..len]).ok()?.trim().parse().ok()
        };
        file::open_host(c"/proc/sys/net/ipv4/ip_unprivileged_port_start", 0).ok().and_then(read).unwrap_or(USUAL)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_as_linux_finds_them() {
        let mut v4 = [0; 16];
        v4[..8].copy_from_slice(&[2, 0, 0x1f, 0x90, 127, 0, 0, 1]);
        assert_eq!(internet_address(&v4), Some("127.0.0.1:8080".parse().unwrap()));
        v4[0] = 0;
        assert_eq!(internet_address(&v4), Some("127.0.0.1:8080".parse().unwrap()));
        let mut v6 = [0; 28];
        v6[0] = 10;
        (v6[3], v6[23]) = (80, 1);
        assert_eq!(internet_address(&v6), Some("[::1]:80".parse().unwrap()));
        for short in [&v6[..23], &v4[..7], &v4[..1], &[]] {
            assert_eq!(internet_address(short), None);
        }
        v6[0] = 16;
        assert_eq!(internet_address(&v6), None);
    }
}
