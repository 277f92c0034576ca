//! What a program may do with the host's network.

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::ops::RangeInclusive;
use serde::{Deserialize, Serialize};

/// Who carries what processes inside send to each other by the loopback.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Loopback {
    /// The host, as everything else.
    #[default]
    Host,
    /// The LibOS. Processes outside reach those inside, and are reached, by the host.
    Inside,
}

/// How the host's network is narrowed; what is absent is not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetRules {
    /// The ports that may be bound; 0 stands for one that the host chooses.
    pub bind: Option<Vec<Ports>>,
    /// What may be connected and sent to.
    pub connect: Option<Vec<Destination>>,
}

/// A range of ports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports(pub RangeInclusive<u16>);

impl Ports {
    /// Each port.
    pub const ALL: Self = Self(0..=u16::MAX);
}

/// Addresses that share a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// One of them.
    pub address: IpAddr,
    /// How many of its first bits they share.
    pub prefix: u8,
}

/// What may be connected to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// The addresses; each one if absent.
    pub network: Option<Network>,
    /// The ports.
    pub ports: Ports,
}

impl NetRules {
    /// Whether a port may be bound.
    pub fn may_bind(&self, port: u16) -> bool {
        self.bind.as_ref().is_none_or(|allowed| allowed.iter().any(|ports| ports.0.contains(&port)))
    }

    /// Whether an address may be connected or sent to.
    pub fn may_connect(&self, to: SocketAddr) -> bool {
        let Some(allowed) = &self.connect else { return true };
        let address = effective(to.ip());
        allowed.iter().any(|destination| {
            destination.network.is_none_or(|network| network.contains(address))
                && destination.ports.0.contains(&to.port())
        })
    }

    /// Whether an address may be sent to by a protocol that has no ports.
    pub fn may_reach(&self, address: IpAddr) -> bool {
        let Some(allowed) = &self.connect else { return true };
        let address = effective(address);
        allowed.iter().any(|destination| {
            destination.network.is_none_or(|network| network.contains(address)) && destination.ports == Ports::ALL
        })
    }
}

/// The address that Linux connects to: an IPv4 address may be written as an IPv6 one, and none means the loopback.
fn effective(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        address => address,
    }
}

impl Network {
    fn contains(self, address: IpAddr) -> bool {
        let (one, other, bits) = match (self.address, address) {
            (IpAddr::V4(one), IpAddr::V4(other)) => (u128::from(one.to_bits()), u128::from(other.to_bits()), 32),
            (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits(), other.to_bits(), 128_u32),
            _ => return false,
        };
        let ignored = bits.saturating_sub(u32::from(self.prefix));
        (one ^ other).checked_shr(ignored).unwrap_or(0) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn to(address: &str, prefix: u8, ports: RangeInclusive<u16>) -> Destination {
        let network = Network { address: address.parse().unwrap(), prefix };
        Destination { network: Some(network), ports: Ports(ports) }
    }

    #[test]
    fn without_rules_all_is_allowed() {
        let rules = NetRules::default();
        assert!(rules.may_bind(80) && rules.may_connect("10.0.0.1:1".parse().unwrap()));
    }

    #[test]
    fn only_listed_ports_may_be_bound() {
        let rules = NetRules { bind: Some(vec![Ports(80..=80), Ports(8000..=8010)]), connect: None };
        for (port, may) in [(80, true), (8000, true), (8010, true), (8011, false), (0, false), (79, false)] {
            assert_eq!(rules.may_bind(port), may, "{port}");
        }
        assert!(!NetRules { bind: Some(vec![]), connect: None }.may_bind(0));
    }

    #[test]
    fn only_listed_destinations_may_be_connected_to() {
        let anywhere = Destination { network: None, ports: Ports(53..=53) };
        let rules = NetRules {
            bind: None,
            connect: Some(vec![
                to("10.1.0.0", 16, 0..=65535),
                to("::1", 128, 80..=90),
                to("127.0.0.1", 32, 5..=5),
                anywhere,
            ]),
        };
        for (address, may) in [
            ("10.1.200.3:7", true),
            ("10.2.0.1:7", false),
            ("10.2.0.1:53", true),
            ("[::1]:80", true),
            ("[::1]:79", false),
            ("[::2]:80", false),
            ("[::]:80", true),
            ("0.0.0.0:5", true),
            ("[::ffff:10.1.0.9]:99", true),
            ("[::ffff:10.2.0.9]:99", false),
        ] {
            assert_eq!(rules.may_connect(address.parse().unwrap()), may, "{address}");
        }
        assert!(rules.may_reach("10.1.0.1".parse().unwrap()));
        assert!(!rules.may_reach("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn a_prefix_of_no_bits_holds_every_address_of_its_family() {
        let rules = NetRules { bind: None, connect: Some(vec![to("0.0.0.0", 0, 1..=1)]) };
        assert!(rules.may_connect("255.1.2.3:1".parse().unwrap()));
        assert!(!rules.may_connect("[::9]:1".parse().unwrap()));
        let rules = NetRules { bind: None, connect: Some(vec![to("::", 0, 1..=1)]) };
        assert!(rules.may_connect("[ff::9]:1".parse().unwrap()));
    }
}
