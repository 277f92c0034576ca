//! `/proc/net` and `/proc/sys/net`: what the host shows of its network, or what there is without one.

use super::node::{Fixed, Node};
use super::system::of_host;
use crate::net::host::is_host_there;

type Table = &'static [(&'static str, fn() -> Node)];

/// `/proc/net`.
pub(super) fn net() -> Node {
    Node::directory(Fixed(if is_host_there() { HOST_NET } else { NET }))
}

fn unix() -> Node {
    Node::file(|| Ok(crate::net::unix::list()))
}

/// Of the host only what is about its network, and not about its own Unix sockets.
const HOST_NET: Table = &[
    ("arp", || of_host("/proc/self/net/arp")),
    ("dev", || of_host("/proc/self/net/dev")),
    ("if_inet6", || of_host("/proc/self/net/if_inet6")),
    ("igmp", || of_host("/proc/self/net/igmp")),
    ("ipv6_route", || of_host("/proc/self/net/ipv6_route")),
    ("netstat", || of_host("/proc/self/net/netstat")),
    ("route", || of_host("/proc/self/net/route")),
    ("snmp", || of_host("/proc/self/net/snmp")),
    ("sockstat", || of_host("/proc/self/net/sockstat")),
    ("tcp", || of_host("/proc/self/net/tcp")),
    ("tcp6", || of_host("/proc/self/net/tcp6")),
    ("udp", || of_host("/proc/self/net/udp")),
    ("udp6", || of_host("/proc/self/net/udp6")),
    ("unix", unix),
];

const NET: Table =
    &[("if_inet6", || Node::text("00000000000000000000000000000001 01 80 10 80       lo\n")), ("unix", unix)];

/// `/proc/sys/net`.
pub(super) const SETTINGS: Table = &[
    ("core", || Node::directory(Fixed(CORE))),
    ("ipv4", || Node::directory(Fixed(IPV4))),
    ("unix", || Node::directory(Fixed(&[("max_dgram_qlen", || Node::text("10\n"))]))),
];

/// A setting of the host, or what it is without the host's network.
fn setting(of_the_host: &'static str, otherwise: &'static str) -> Node {
    if is_host_there() { of_host(of_the_host) } else { Node::text(otherwise) }
}

const CORE: Table = &[
    ("optmem_max", || setting("/proc/sys/net/core/optmem_max", "131072\n")),
    ("rmem_default", || setting("/proc/sys/net/core/rmem_default", "212992\n")),
    ("rmem_max", || setting("/proc/sys/net/core/rmem_max", "212992\n")),
    ("somaxconn", || setting("/proc/sys/net/core/somaxconn", "4096\n")),
    ("wmem_default", || setting("/proc/sys/net/core/wmem_default", "212992\n")),
    ("wmem_max", || setting("/proc/sys/net/core/wmem_max", "212992\n")),
];

const IPV4: Table = &[
    ("ip_default_ttl", || setting("/proc/sys/net/ipv4/ip_default_ttl", "64\n")),
    ("ip_local_port_range", || setting("/proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n")),
    ("ip_unprivileged_port_start", || setting("/proc/sys/net/ipv4/ip_unprivileged_port_start", "1024\n")),
    ("tcp_fin_timeout", || setting("/proc/sys/net/ipv4/tcp_fin_timeout", "60\n")),
    ("tcp_keepalive_intvl", || setting("/proc/sys/net/ipv4/tcp_keepalive_intvl", "75\n")),
    ("tcp_keepalive_probes", || setting("/proc/sys/net/ipv4/tcp_keepalive_probes", "9\n")),
    ("tcp_keepalive_time", || setting("/proc/sys/net/ipv4/tcp_keepalive_time", "7200\n")),
    ("tcp_max_syn_backlog", || setting("/proc/sys/net/ipv4/tcp_max_syn_backlog", "1024\n")),
    ("tcp_rmem", || setting("/proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n")),
    ("tcp_syn_retries", || setting("/proc/sys/net/ipv4/tcp_syn_retries", "6\n")),
    ("tcp_wmem", || setting("/proc/sys/net/ipv4/tcp_wmem", "4096\t16384\t4194304\n")),
];
