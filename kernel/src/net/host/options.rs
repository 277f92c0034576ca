//! Which options of the host's sockets there are.
//!
//! An option goes to the host if it is listed here: its value holds no pointers, and it changes nothing but the socket.

use crate::net::OptionName;
use crate::prelude::*;
use crate::process::{Credentials, cap};
use frame::ocall::net::{Domain, HostSocket};
use linux_raw_sys::net::{
    IP_ADD_MEMBERSHIP, IP_ADD_SOURCE_MEMBERSHIP, IP_BIND_ADDRESS_NO_PORT, IP_BLOCK_SOURCE, IP_CHECKSUM,
    IP_DROP_MEMBERSHIP, IP_DROP_SOURCE_MEMBERSHIP, IP_FREEBIND, IP_HDRINCL, IP_LOCAL_PORT_RANGE, IP_MINTTL,
    IP_MSFILTER, IP_MTU, IP_MTU_DISCOVER, IP_MULTICAST_ALL, IP_MULTICAST_IF, IP_MULTICAST_LOOP, IP_MULTICAST_TTL,
    IP_NODEFRAG, IP_OPTIONS, IP_PKTINFO, IP_PROTOCOL, IP_RECVERR, IP_RECVERR_RFC4884, IP_RECVFRAGSIZE, IP_RECVOPTS,
    IP_RECVORIGDSTADDR, IP_RECVTOS, IP_RECVTTL, IP_RETOPTS, IP_TOS, IP_TRANSPARENT, IP_TTL, IP_UNBLOCK_SOURCE,
    IP_UNICAST_IF, IPV6_2292HOPLIMIT, IPV6_2292PKTINFO, IPV6_ADD_MEMBERSHIP, IPV6_ADDR_PREFERENCES, IPV6_AUTOFLOWLABEL,
    IPV6_CHECKSUM, IPV6_DONTFRAG, IPV6_DROP_MEMBERSHIP, IPV6_FLOWINFO_SEND, IPV6_FREEBIND, IPV6_HDRINCL,
    IPV6_MINHOPCOUNT, IPV6_MTU, IPV6_MTU_DISCOVER, IPV6_MULTICAST_ALL, IPV6_MULTICAST_HOPS, IPV6_MULTICAST_IF,
    IPV6_MULTICAST_LOOP, IPV6_PATHMTU, IPV6_PKTINFO, IPV6_RECVDSTOPTS, IPV6_RECVERR, IPV6_RECVERR_RFC4884,
    IPV6_RECVFRAGSIZE, IPV6_RECVHOPLIMIT, IPV6_RECVHOPOPTS, IPV6_RECVORIGDSTADDR, IPV6_RECVPATHMTU, IPV6_RECVPKTINFO,
    IPV6_RECVRTHDR, IPV6_RECVTCLASS, IPV6_TCLASS, IPV6_TRANSPARENT, IPV6_UNICAST_HOPS, IPV6_UNICAST_IF, IPV6_V6ONLY,
    MCAST_BLOCK_SOURCE, MCAST_JOIN_GROUP, MCAST_LEAVE_GROUP, MCAST_LEAVE_SOURCE_GROUP, MCAST_MSFILTER, SO_ACCEPTCONN,
    SO_BINDTODEVICE, SO_BINDTOIFINDEX, SO_BROADCAST, SO_BSDCOMPAT, SO_BUF_LOCK, SO_BUSY_POLL, SO_COOKIE, SO_DEBUG,
    SO_DETACH_FILTER, SO_DOMAIN, SO_DONTROUTE, SO_ERROR, SO_INCOMING_CPU, SO_INCOMING_NAPI_ID, SO_KEEPALIVE, SO_LINGER,
    SO_MARK, SO_MAX_PACING_RATE, SO_MEMINFO, SO_NO_CHECK, SO_OOBINLINE, SO_PEEK_OFF, SO_PREFER_BUSY_POLL, SO_PRIORITY,
    SO_PROTOCOL, SO_RCVBUF, SO_RCVBUFFORCE, SO_RCVLOWAT, SO_RCVMARK, SO_RCVTIMEO_NEW, SO_RCVTIMEO_OLD, SO_REUSEADDR,
    SO_REUSEPORT, SO_RXQ_OVFL, SO_SELECT_ERR_QUEUE, SO_SNDBUF, SO_SNDBUFFORCE, SO_SNDLOWAT, SO_SNDTIMEO_NEW,
    SO_SNDTIMEO_OLD, SO_TIMESTAMP_NEW, SO_TIMESTAMP_OLD, SO_TIMESTAMPING_NEW, SO_TIMESTAMPING_OLD, SO_TIMESTAMPNS_NEW,
    SO_TIMESTAMPNS_OLD, SO_TXREHASH, SO_TXTIME, SO_TYPE, SOL_ICMPV6, SOL_IP, SOL_IPV6, SOL_NETLINK, SOL_RAW,
    SOL_SOCKET, SOL_TCP, SOL_UDP, TCP_CC_INFO, TCP_CONGESTION, TCP_CORK, TCP_DEFER_ACCEPT, TCP_FASTOPEN,
    TCP_FASTOPEN_CONNECT, TCP_FASTOPEN_NO_COOKIE, TCP_INFO, TCP_INQ, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL,
    TCP_LINGER2, TCP_MAXSEG, TCP_NODELAY, TCP_NOTSENT_LOWAT, TCP_QUICKACK, TCP_SAVE_SYN, TCP_SAVED_SYN, TCP_SYNCNT,
    TCP_THIN_DUPACK, TCP_THIN_LINEAR_TIMEOUTS, TCP_TIMESTAMP, TCP_TX_DELAY, TCP_USER_TIMEOUT, TCP_WINDOW_CLAMP,
};

/// Levels and options that have no name in Linux's own headers, or only in a header of their own.
const SOL_NETLINK_PACKET_INFO: u32 = 3;
const ICMP_FILTER: u32 = 1;
const UDP_CORK: u32 = 1;
const UDP_NO_CHECK6_TX: u32 = 101;
const UDP_NO_CHECK6_RX: u32 = 102;
const UDP_SEGMENT: u32 = 103;
const UDP_GRO: u32 = 104;

/// The longest value of an option that is listed.
const LONGEST: usize = 4096;

const INT: usize = size_of::<i32>();
const LONG: usize = size_of::<u64>();

/// How many bytes of an option's value Linux looks at, at most; `None` if there is no such option.
const fn value_len(option: OptionName) -> Option<usize> {
    /// `struct linger`.
    const LINGER: usize = 8;
    /// `struct timeval`.
    const TIMEVAL: usize = 16;
    /// `struct ip_mreqn`, `struct ip_mreq_source`.
    const MEMBERSHIP: usize = 12;
    /// `struct ipv6_mreq`, `struct in6_pktinfo`.
    const MEMBERSHIP6: usize = 20;
    /// `struct group_req` and `struct group_source_req`.
    const GROUP: usize = 136;
    const GROUP_SOURCE: usize = 264;
    /// `IFNAMSIZ`, `TCP_CA_NAME_MAX`.
    const NAME: usize = 16;
    /// `MAX_IPOPTLEN`, and one more, so that what is too long is refused.
    const IP_OPTIONS_LEN: usize = 41;
    /// `struct icmp6_filter`.
    const ICMPV6_FILTER_LEN: usize = 32;
    let (level, name) = (option.level as u32, option.number as u32);
    Some(match level {
        SOL_SOCKET => match name {
            SO_LINGER => LINGER,
            SO_RCVTIMEO_OLD | SO_SNDTIMEO_OLD | SO_RCVTIMEO_NEW | SO_SNDTIMEO_NEW => TIMEVAL,
            SO_BINDTODEVICE => NAME,
            SO_MAX_PACING_RATE | SO_TIMESTAMPING_OLD | SO_TIMESTAMPING_NEW | SO_TXTIME => LONG,
            SO_MEMINFO | SO_COOKIE => LONGEST,
            SO_DEBUG | SO_REUSEADDR | SO_TYPE | SO_ERROR | SO_DONTROUTE | SO_BROADCAST | SO_SNDBUF | SO_RCVBUF
            | SO_SNDBUFFORCE | SO_RCVBUFFORCE | SO_KEEPALIVE | SO_OOBINLINE | SO_NO_CHECK | SO_PRIORITY
            | SO_BSDCOMPAT | SO_REUSEPORT | SO_RCVLOWAT | SO_SNDLOWAT | SO_TIMESTAMP_OLD | SO_TIMESTAMPNS_OLD
            | SO_TIMESTAMP_NEW | SO_TIMESTAMPNS_NEW | SO_ACCEPTCONN | SO_MARK | SO_PROTOCOL | SO_DOMAIN
            | SO_RXQ_OVFL | SO_PEEK_OFF | SO_SELECT_ERR_QUEUE | SO_BUSY_POLL | SO_INCOMING_CPU
            | SO_INCOMING_NAPI_ID | SO_BINDTOIFINDEX | SO_DETACH_FILTER | SO_PREFER_BUSY_POLL | SO_BUF_LOCK
            | SO_TXREHASH | SO_RCVMARK => INT,
            _ => return None,
        },
        SOL_IP => match name {
            IP_OPTIONS => IP_OPTIONS_LEN,
            IP_MULTICAST_IF
            | IP_ADD_MEMBERSHIP
            | IP_DROP_MEMBERSHIP
            | IP_UNBLOCK_SOURCE
            | IP_BLOCK_SOURCE
            | IP_ADD_SOURCE_MEMBERSHIP
            | IP_DROP_SOURCE_MEMBERSHIP => MEMBERSHIP,
            IP_MSFILTER | MCAST_MSFILTER => LONGEST,
            IP_TOS
            | IP_TTL
            | IP_HDRINCL
            | IP_RECVOPTS
            | IP_RETOPTS
            | IP_PKTINFO
            | IP_MTU_DISCOVER
            | IP_RECVERR
            | IP_RECVTTL
            | IP_RECVTOS
            | IP_MTU
            | IP_FREEBIND
            | IP_TRANSPARENT
            | IP_RECVORIGDSTADDR
            | IP_MINTTL
            | IP_NODEFRAG
            | IP_CHECKSUM
            | IP_BIND_ADDRESS_NO_PORT
            | IP_RECVFRAGSIZE
            | IP_RECVERR_RFC4884
            | IP_MULTICAST_TTL
            | IP_MULTICAST_LOOP
            | IP_MULTICAST_ALL
            | IP_UNICAST_IF
            | IP_LOCAL_PORT_RANGE
            | IP_PROTOCOL => INT,
            MCAST_JOIN_GROUP | MCAST_LEAVE_GROUP => GROUP,
            MCAST_BLOCK_SOURCE..=MCAST_LEAVE_SOURCE_GROUP => GROUP_SOURCE,
            _ => return None,
        },
        SOL_IPV6 => match name {
            IPV6_PKTINFO | IPV6_ADD_MEMBERSHIP | IPV6_DROP_MEMBERSHIP => MEMBERSHIP6,
            IPV6_PATHMTU | MCAST_MSFILTER => LONGEST,
            IPV6_CHECKSUM
            | IPV6_UNICAST_HOPS
            | IPV6_MULTICAST_IF
            | IPV6_MULTICAST_HOPS
            | IPV6_MULTICAST_LOOP
            | IPV6_MTU_DISCOVER
            | IPV6_MTU
            | IPV6_RECVERR
            | IPV6_V6ONLY
            | IPV6_MULTICAST_ALL
            | IPV6_RECVERR_RFC4884
            | IPV6_FLOWINFO_SEND
            | IPV6_HDRINCL
            | IPV6_RECVPKTINFO
            | IPV6_RECVHOPLIMIT
            | IPV6_RECVHOPOPTS
            | IPV6_RECVRTHDR
            | IPV6_RECVDSTOPTS
            | IPV6_RECVPATHMTU
            | IPV6_DONTFRAG
            | IPV6_RECVTCLASS
            | IPV6_TCLASS
            | IPV6_AUTOFLOWLABEL
            | IPV6_ADDR_PREFERENCES
            | IPV6_MINHOPCOUNT
            | IPV6_RECVORIGDSTADDR
            | IPV6_TRANSPARENT
            | IPV6_UNICAST_IF
            | IPV6_RECVFRAGSIZE
            | IPV6_FREEBIND
            | IPV6_2292PKTINFO
            | IPV6_2292HOPLIMIT => INT,
            MCAST_JOIN_GROUP | MCAST_LEAVE_GROUP => GROUP,
            MCAST_BLOCK_SOURCE..=MCAST_LEAVE_SOURCE_GROUP => GROUP_SOURCE,
            _ => return None,
        },
        SOL_TCP => match name {
            TCP_INFO | TCP_CC_INFO | TCP_SAVED_SYN => LONGEST,
            TCP_CONGESTION => NAME,
            TCP_NODELAY
            | TCP_MAXSEG
            | TCP_CORK
            | TCP_KEEPIDLE
            | TCP_KEEPINTVL
            | TCP_KEEPCNT
            | TCP_SYNCNT
            | TCP_LINGER2
            | TCP_DEFER_ACCEPT
            | TCP_WINDOW_CLAMP
            | TCP_QUICKACK
            | TCP_THIN_LINEAR_TIMEOUTS
            | TCP_THIN_DUPACK
            | TCP_USER_TIMEOUT
            | TCP_FASTOPEN
            | TCP_TIMESTAMP
            | TCP_NOTSENT_LOWAT
            | TCP_SAVE_SYN
            | TCP_FASTOPEN_CONNECT
            | TCP_FASTOPEN_NO_COOKIE
            | TCP_INQ
            | TCP_TX_DELAY => INT,
            _ => return None,
        },
        SOL_UDP => match name {
            UDP_CORK | UDP_NO_CHECK6_TX | UDP_NO_CHECK6_RX | UDP_SEGMENT | UDP_GRO => INT,
            _ => return None,
        },
        SOL_ICMPV6 if name == ICMP_FILTER => ICMPV6_FILTER_LEN,
        SOL_RAW if name == ICMP_FILTER => INT,
        SOL_NETLINK => match name {
            // Members, and what to tell beside the messages themselves.
            1 | 2 | SOL_NETLINK_PACKET_INFO | 4 | 5 | 10 | 11 | 12 => INT,
            // The groups that one is a member of.
            9 => LONGEST,
            _ => return None,
        },
        _ => return None,
    })
}

/// The capability that an option can't be set without.
const fn needed_capability(option: OptionName) -> Option<u32> {
    match (option.level as u32, option.number as u32) {
        (SOL_SOCKET, SO_DEBUG | SO_MARK | SO_RCVBUFFORCE | SO_SNDBUFFORCE)
        | (SOL_IP, IP_TRANSPARENT)
        | (SOL_IPV6, IPV6_TRANSPARENT) => Some(cap::NET_ADMIN),
        _ => None,
    }
}

/// Checks that there is such an option.
fn known_len(option: OptionName) -> Result<usize> {
    value_len(option).ok_or_else(|| {
        warn!("socket option {} of level {} is not there", option.number, option.level);
        err!(ENOPROTOOPT, "no such option")
    })
}

/// Which way a timeout goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timeout {
    /// `SO_RCVTIMEO`.
    Receive,
    /// `SO_SNDTIMEO`.
    Send,
}

/// The timeout that an option is, and whether its value is none.
pub(super) fn timeout(option: OptionName, value: &[u8]) -> Option<(Timeout, bool)> {
    let which = match (option.level as u32, option.number as u32) {
        (SOL_SOCKET, SO_RCVTIMEO_OLD | SO_RCVTIMEO_NEW) => Timeout::Receive,
        (SOL_SOCKET, SO_SNDTIMEO_OLD | SO_SNDTIMEO_NEW) => Timeout::Send,
        _ => return None,
    };
    Some((which, value.iter().any(|&byte| byte != 0)))
}

/// Sets an option; `value` is as long as the program says.
///
/// # Errors
/// `ENOPROTOOPT`, `EPERM` without the capability, and what the host gives.
pub(super) fn set(socket: &HostSocket, credentials: &Credentials, option: OptionName, value: &[u8]) -> Result<()> {
    let len = known_len(option)?;
    if needed_capability(option).is_some_and(|capability| !credentials.has_cap(capability)) {
        bail!(EPERM, "the option needs CAP_NET_ADMIN");
    }
    socket.set_option(option.level, option.number, &value[..value.len().min(len)])
}

/// Reads an option, of which the program has room for `room` bytes.
///
/// # Errors
/// `ENOPROTOOPT`, and what the host gives.
pub(super) fn get(socket: &HostSocket, option: OptionName, room: usize) -> Result<Vec<u8>> {
    let is_level = matches!(option.level as u32, SOL_SOCKET | SOL_IP | SOL_TCP | SOL_UDP | SOL_RAW);
    known_len(option).map_err(|error| match socket.domain() {
        Domain::Inet if !is_level => err!(EOPNOTSUPP, "no such level"),
        _ => error,
    })?;
    let mut value = vec![0; room.min(LONGEST)];
    let len = socket.option(option.level, option.number, &mut value)?;
    value.truncate(len);
    if (option.level as u32, option.number as u32) == (SOL_SOCKET, SO_ERROR) {
        check_error(&value)?;
    }
    Ok(value)
}

/// What is pending on a socket is an error of Linux, or none.
fn check_error(value: &[u8]) -> Result<()> {
    let mut number = [0; INT];
    let len = value.len().min(INT);
    number[..len].copy_from_slice(&value[..len]);
    match i32::from_ne_bytes(number) {
        0 => Ok(()),
        number if Errno::from_raw(number).is_some() => Ok(()),
        _ => Err(err!(EIO, "the host told of an error that Linux doesn't have")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linux_raw_sys::net::{
        IPV6_ADDRFORM, SO_ATTACH_BPF, SO_ATTACH_FILTER, SO_ATTACH_REUSEPORT_CBPF, SO_DEVMEM_DONTNEED, SO_ZEROCOPY,
        SOL_TLS, TCP_REPAIR, TCP_ULP, TCP_ZEROCOPY_RECEIVE,
    };

    #[test]
    fn options_with_pointers_are_not_there() {
        for option in [
            (SOL_SOCKET, SO_ATTACH_FILTER),
            (SOL_SOCKET, SO_ATTACH_BPF),
            (SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF),
            (SOL_SOCKET, SO_ZEROCOPY),
            (SOL_SOCKET, SO_DEVMEM_DONTNEED),
            (SOL_TCP, TCP_ZEROCOPY_RECEIVE),
            (SOL_TCP, TCP_REPAIR),
            (SOL_TCP, TCP_ULP),
            (SOL_IP, 64),
            (SOL_IPV6, IPV6_ADDRFORM),
            (SOL_TLS, 1),
            (u32::MAX, 1),
        ] {
            let option = OptionName { level: option.0 as i32, number: option.1 as i32 };
            assert_eq!(known_len(option).unwrap_err().errno(), Errno::ENOPROTOOPT, "{option:?}");
        }
    }

    #[test]
    fn a_pending_error_is_one_of_linux() {
        assert!(check_error(&0_i32.to_ne_bytes()).is_ok());
        assert!(check_error(&111_i32.to_ne_bytes()).is_ok());
        assert!(check_error(&[]).is_ok());
        for number in [-1, 41, 4095, i32::MIN] {
            assert_eq!(check_error(&number.to_ne_bytes()).unwrap_err().errno(), Errno::EIO, "{number}");
        }
    }

    #[test]
    fn a_timeout_of_nothing_is_none() {
        let zero = [0; 16];
        let mut some = zero;
        some[8] = 1;
        let option = |number: u32| OptionName { level: SOL_SOCKET as i32, number: number as i32 };
        assert_eq!(timeout(option(SO_RCVTIMEO_OLD), &zero), Some((Timeout::Receive, false)));
        assert_eq!(timeout(option(SO_SNDTIMEO_NEW), &some), Some((Timeout::Send, true)));
        assert_eq!(timeout(option(SO_REUSEADDR), &some), None);
    }
}
