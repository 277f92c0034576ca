//! Addresses of the loopback.

use crate::net::Address;
use crate::prelude::*;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use frame::ocall::net::Domain;

const AF_UNSPEC: u16 = 0;
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

/// What a program's address means to a socket: `None` for one without a family (`AF_UNSPEC`).
///
/// # Errors
/// `EINVAL` for one that is too short, `EAFNOSUPPORT` for one of another family.
pub(super) fn parse(domain: Domain, address: &Address) -> Result<Option<SocketAddr>> {
    const SHORT: Error = Error::new(Errno::EINVAL, "the address is too short");
    const V4_LEN: usize = 16;
    const V6_LEN: usize = 24;
    let bytes = address.bytes();
    let [low, high, port @ ..] = bytes else { return Err(SHORT) };
    let port = |at: usize| Some(u16::from_be_bytes([*port.get(at)?, *port.get(at + 1)?]));
    let (family, wanted) =
        (u16::from_ne_bytes([*low, *high]), if domain == Domain::Inet6 { AF_INET6 } else { AF_INET });
    match family {
        AF_UNSPEC => Ok(None),
        AF_INET if wanted == AF_INET => {
            let ip: [u8; 4] = bytes.get(4..8).and_then(|ip| ip.try_into().ok()).ok_or(SHORT)?;
            if bytes.len() < V4_LEN {
                return Err(SHORT);
            }
            Ok(Some((IpAddr::from(Ipv4Addr::from(ip)), port(0).ok_or(SHORT)?).into()))
        }
        AF_INET6 if wanted == AF_INET6 => {
            let ip: [u8; 16] = bytes.get(8..V6_LEN).and_then(|ip| ip.try_into().ok()).ok_or(SHORT)?;
            Ok(Some((IpAddr::from(Ipv6Addr::from(ip)).to_canonical(), port(0).ok_or(SHORT)?).into()))
        }
        _ if bytes.len() < if wanted == AF_INET { V4_LEN } else { V6_LEN } => Err(SHORT),
        _ => Err(err!(EAFNOSUPPORT, "the address is of another family")),
    }
}

/// An address as a program reads it from a socket of this family.
pub(super) fn render(domain: Domain, address: SocketAddr) -> Address {
    let port = address.port().to_be_bytes();
    if domain == Domain::Inet6 {
        let ip = match address.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        Address::new(&[&AF_INET6.to_ne_bytes()[..], &port, &[0; 4], &ip.octets(), &[0; 4]].concat())
    } else {
        let ip = match address.ip() {
            IpAddr::V4(ip) => ip,
            IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
        };
        Address::new(&[&AF_INET.to_ne_bytes()[..], &port, &ip.octets(), &[0; 8]].concat())
    }
}

/// The address that a socket of this family has while it's bound nowhere.
pub(super) fn nowhere(domain: Domain) -> SocketAddr {
    let ip = match domain {
        Domain::Inet6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        _ => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    (ip, 0).into()
}

/// Whether what is sent to the loopback reaches who is bound to this address.
pub(super) fn is_of_loopback(ip: IpAddr) -> bool {
    ip.is_loopback() || ip.is_unspecified()
}

/// Where a message to this address goes: no address means the loopback's own.
///
/// # Errors
/// `ENETUNREACH` for what isn't of the loopback.
pub(super) fn destination(to: SocketAddr) -> Result<SocketAddr> {
    let ip = match to.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    if !ip.is_loopback() {
        bail!(ENETUNREACH, "there is no network but the loopback");
    }
    Ok((ip, to.port()).into())
}

/// The address from which one talks to `to` without being bound to one.
pub(super) fn source(to: IpAddr) -> IpAddr {
    match to {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_are_written() {
        for (domain, text) in [
            (Domain::Inet, "127.0.0.1:80"),
            (Domain::Inet, "0.0.0.0:0"),
            (Domain::Inet6, "[::1]:65535"),
            (Domain::Inet6, "127.1.2.3:5"),
        ] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(parse(domain, &render(domain, address)), Ok(Some(address)), "{text}");
        }
    }

    #[test]
    fn malformed_addresses_are_refused() {
        let errno = |domain, bytes: &[u8]| parse(domain, &Address::new(bytes)).unwrap_err().errno();
        let v4 = render(Domain::Inet, "127.0.0.1:80".parse().unwrap());
        for len in 0..v4.bytes().len() {
            assert_eq!(errno(Domain::Inet, &v4.bytes()[..len]), Errno::EINVAL, "{len}");
        }
        let mut other = [0; 28];
        other[0] = 77;
        assert_eq!(errno(Domain::Inet, &other), Errno::EAFNOSUPPORT);
        assert_eq!(errno(Domain::Inet6, &other), Errno::EAFNOSUPPORT);
        assert_eq!(parse(Domain::Inet, &Address::new(&[0; 16])), Ok(None));
    }

    #[test]
    fn only_the_loopback_is_reached() {
        let of = |text: &str| destination(text.parse().unwrap()).map(|to| to.to_string()).map_err(Error::errno);
        assert_eq!(of("127.9.9.9:1"), Ok("127.9.9.9:1".to_string()));
        assert_eq!(of("0.0.0.0:1"), Ok("127.0.0.1:1".to_string()));
        assert_eq!(of("[::]:1"), Ok("[::1]:1".to_string()));
        assert_eq!(of("10.0.0.1:1"), Err(Errno::ENETUNREACH));
        assert_eq!(of("[fe80::1]:1"), Err(Errno::ENETUNREACH));
    }
}
