//! Control messages of the loopback's sockets (`man 7 ip`, `man 7 ipv6`).

use super::address;
use super::options::Options;
use crate::net::control::{ControlMessage, ControlSink, SCM_CREDENTIALS, SCM_RIGHTS, SOL_SOCKET, messages};
use crate::prelude::*;
use crate::time::{Timespec, Timeval};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;
use frame::ocall::net::Domain;
use linux_raw_sys::net::{
    IP_PKTINFO, IP_RECVORIGDSTADDR, IP_RECVTOS, IP_RECVTTL, IP_TOS, IP_TTL, IPV6_HOPLIMIT, IPV6_PKTINFO,
    IPV6_RECVHOPLIMIT, IPV6_RECVPKTINFO, IPV6_RECVTCLASS, IPV6_TCLASS, IPV6_UNICAST_HOPS, SO_TIMESTAMP_OLD,
    SO_TIMESTAMPNS_OLD, SOL_IP, SOL_IPV6,
};
use zerocopy::{FromBytes, IntoBytes};

/// The loopback's index among the interfaces.
const INTERFACE: u32 = 1;

/// Checks those that come with bytes of a stream. None means something there: Linux ignores those of Unix sockets and of
/// other levels.
///
/// # Errors
/// `EINVAL` for what is malformed or isn't there.
pub(super) fn check_stream(control: &[u8]) -> Result<()> {
    messages(control).try_for_each(|message| check_common(message?))
}

fn check_common(message: ControlMessage<'_>) -> Result<()> {
    match (message.level, message.kind) {
        (SOL_SOCKET, SCM_RIGHTS | SCM_CREDENTIALS) => Ok(()),
        (SOL_SOCKET, _) => Err(unknown(message)),
        _ => Ok(()),
    }
}

fn unknown(message: ControlMessage<'_>) -> Error {
    warn!("the control message {} of level {} is not there on the loopback", message.kind, message.level);
    err!(EINVAL, "no such control message")
}

/// How a datagram is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sending {
    /// From which address, if not the socket's.
    pub(super) source: Option<IpAddr>,
    /// The time to live, or hop limit.
    hops: u8,
    /// The type of service, or traffic class.
    class: u8,
}

/// What a receiver may want to know of a datagram besides its bytes and sender.
#[derive(Clone, Copy, Debug)]
pub(super) struct Envelope {
    /// Whom it was sent to.
    pub(super) to: SocketAddr,
    /// How it was sent.
    pub(super) sending: Sending,
    /// When, since the epoch.
    pub(super) time: Duration,
}

impl Sending {
    /// As a socket's options and a sender's control messages say.
    ///
    /// # Errors
    /// `EINVAL` for what is malformed or isn't there.
    pub(super) fn parse(domain: Domain, options: &Options, control: &[u8]) -> Result<Self> {
        const USUAL: u8 = 64;
        let (hops, class) = match domain {
            Domain::Inet6 => (options.number(SOL_IPV6, IPV6_UNICAST_HOPS), options.number(SOL_IPV6, IPV6_TCLASS)),
            _ => (options.number(SOL_IP, IP_TTL), options.number(SOL_IP, IP_TOS)),
        };
        let mut sending =
            Self { source: None, hops: u8::try_from(hops).unwrap_or(USUAL), class: u8::try_from(class).unwrap_or(0) };
        for message in messages(control) {
            let message = message?;
            check_common(message)?;
            match domain {
                Domain::Inet6 if message.level as u32 == SOL_IPV6 => sending.apply_v6(message)?,
                Domain::Inet if message.level as u32 == SOL_IP => sending.apply_v4(message)?,
                _ => {}
            }
        }
        Ok(sending)
    }

    fn apply_v4(&mut self, message: ControlMessage<'_>) -> Result<()> {
        match message.kind as u32 {
            IP_PKTINFO => {
                let [_, source, _] = exactly::<[[u8; 4]; 3]>(message.data)?;
                let source = Ipv4Addr::from(source);
                self.source = (!source.is_unspecified()).then_some(IpAddr::V4(source));
            }
            IP_TTL => self.hops = byte(message.data).filter(|&hops| hops > 0).ok_or(MALFORMED)?,
            IP_TOS => {
                self.class = match message.data {
                    &[class] => class,
                    data => byte(data).ok_or(MALFORMED)?,
                };
            }
            _ => return Err(unknown(message)),
        }
        self.check_source()
    }

    fn apply_v6(&mut self, message: ControlMessage<'_>) -> Result<()> {
        match message.kind as u32 {
            IPV6_PKTINFO => {
                let (source, _) = <[u8; 16]>::read_from_prefix(message.data).map_err(|_| MALFORMED)?;
                let source = Ipv6Addr::from(source);
                self.source = (!source.is_unspecified()).then(|| IpAddr::V6(source).to_canonical());
            }
            // -1 stands for the socket's own.
            IPV6_HOPLIMIT | IPV6_TCLASS if exactly::<i32>(message.data)? == -1 => {}
            IPV6_HOPLIMIT => self.hops = byte(message.data).ok_or(MALFORMED)?,
            IPV6_TCLASS => self.class = byte(message.data).ok_or(MALFORMED)?,
            _ => return Err(unknown(message)),
        }
        self.check_source()
    }

    fn check_source(&self) -> Result<()> {
        if self.source.is_some_and(|source| !source.is_loopback()) {
            bail!(EINVAL, "no interface has the address");
        }
        Ok(())
    }
}

const MALFORMED: Error = Error::new(Errno::EINVAL, "a control message is malformed");

fn exactly<T: FromBytes>(data: &[u8]) -> Result<T> {
    T::read_from_bytes(data).map_err(|_| MALFORMED)
}

/// A number of Linux's that fits into a byte.
fn byte(data: &[u8]) -> Option<u8> {
    exactly::<i32>(data).ok().and_then(|number| u8::try_from(number).ok())
}

impl Envelope {
    /// Tells a receiver what its options ask for.
    pub(super) fn tell(&self, domain: Domain, options: &Options, sink: &mut ControlSink) {
        let is_on = |level, name| options.is_on(level, name);
        let level = linux_raw_sys::net::SOL_SOCKET;
        if is_on(level, SO_TIMESTAMPNS_OLD) {
            sink.put(SOL_SOCKET, SO_TIMESTAMPNS_OLD as i32, Timespec::from(self.time).as_bytes());
        } else if is_on(level, SO_TIMESTAMP_OLD) {
            sink.put(SOL_SOCKET, SO_TIMESTAMP_OLD as i32, Timeval::from(self.time).as_bytes());
        }
        if domain == Domain::Inet6 {
            self.tell_v6(is_on, sink);
        } else {
            self.tell_v4(is_on, sink);
        }
    }

    fn tell_v4(&self, is_on: impl Fn(u32, u32) -> bool, sink: &mut ControlSink) {
        const LEVEL: i32 = SOL_IP as i32;
        if is_on(SOL_IP, IP_PKTINFO)
            && let IpAddr::V4(to) = self.to.ip()
        {
            let info = [INTERFACE.to_ne_bytes(), to.octets(), to.octets()];
            sink.put(LEVEL, IP_PKTINFO as i32, info.as_flattened());
        }
        if is_on(SOL_IP, IP_RECVTTL) {
            sink.put(LEVEL, IP_TTL as i32, &i32::from(self.sending.hops).to_ne_bytes());
        }
        if is_on(SOL_IP, IP_RECVTOS) {
            sink.put(LEVEL, IP_TOS as i32, &[self.sending.class]);
        }
        if is_on(SOL_IP, IP_RECVORIGDSTADDR) {
            sink.put(LEVEL, IP_RECVORIGDSTADDR as i32, address::render(Domain::Inet, self.to).bytes());
        }
    }

    fn tell_v6(&self, is_on: impl Fn(u32, u32) -> bool, sink: &mut ControlSink) {
        const LEVEL: i32 = SOL_IPV6 as i32;
        if is_on(SOL_IPV6, IPV6_RECVPKTINFO) {
            let to = match self.to.ip() {
                IpAddr::V4(to) => to.to_ipv6_mapped(),
                IpAddr::V6(to) => to,
            };
            sink.put(LEVEL, IPV6_PKTINFO as i32, &[&to.octets()[..], &INTERFACE.to_ne_bytes()].concat());
        }
        if is_on(SOL_IPV6, IPV6_RECVHOPLIMIT) {
            sink.put(LEVEL, IPV6_HOPLIMIT as i32, &i32::from(self.sending.hops).to_ne_bytes());
        }
        if is_on(SOL_IPV6, IPV6_RECVTCLASS) {
            sink.put(LEVEL, IPV6_TCLASS as i32, &i32::from(self.sending.class).to_ne_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(level: u32, kind: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = (16 + data.len()).to_ne_bytes().to_vec();
        bytes.extend_from_slice([level, kind].as_bytes());
        bytes.extend_from_slice(data);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    fn parsed(domain: Domain, control: &[u8]) -> Result<Sending, Errno> {
        Sending::parse(domain, &Options::default(), control).map_err(Error::errno)
    }

    #[test]
    fn what_senders_say_is_understood() {
        let of = |source: Option<&str>, hops, class| {
            Ok(Sending { source: source.map(|ip| ip.parse().unwrap()), hops, class })
        };
        assert_eq!(parsed(Domain::Inet, &[]), of(None, 64, 0));
        assert_eq!(parsed(Domain::Inet, &message(SOL_IP, IP_TTL, &7_i32.to_ne_bytes())), of(None, 7, 0));
        assert_eq!(parsed(Domain::Inet, &message(SOL_IP, IP_TOS, &[8])), of(None, 64, 8));
        let info = [[0; 4], [127, 0, 0, 5], [0; 4]];
        assert_eq!(
            parsed(Domain::Inet, &message(SOL_IP, IP_PKTINFO, info.as_flattened())),
            of(Some("127.0.0.5"), 64, 0)
        );
        assert_eq!(parsed(Domain::Inet6, &message(SOL_IPV6, IPV6_TCLASS, &(-1_i32).to_ne_bytes())), of(None, 64, 0));
        assert_eq!(parsed(Domain::Inet6, &message(SOL_IP, IP_TTL, &[])), of(None, 64, 0));
    }

    #[test]
    fn malformed_and_unknown_messages_are_refused() {
        for (domain, level, kind, data) in [
            (Domain::Inet, SOL_IP, IP_TTL, &0_i32.to_ne_bytes()[..]),
            (Domain::Inet, SOL_IP, IP_TTL, &[1]),
            (Domain::Inet, SOL_IP, IP_PKTINFO, &[0; 11]),
            (Domain::Inet, SOL_IP, IP_PKTINFO, [[0; 4], [10, 0, 0, 1], [0; 4]].as_flattened()),
            (Domain::Inet, SOL_IP, 99, &[]),
            (Domain::Inet, SOL_SOCKET as u32, 99, &[]),
            (Domain::Inet6, SOL_IPV6, IPV6_PKTINFO, &[0; 15]),
            (Domain::Inet6, SOL_IPV6, IPV6_HOPLIMIT, &256_i32.to_ne_bytes()),
        ] {
            assert_eq!(parsed(domain, &message(level, kind, data)), Err(Errno::EINVAL), "{level} {kind}");
        }
        assert_eq!(parsed(Domain::Inet, &17_u64.to_ne_bytes().repeat(2)), Err(Errno::EINVAL));
    }
}
