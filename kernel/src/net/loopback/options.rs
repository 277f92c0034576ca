//! Options of the loopback's sockets.

use super::connection::Buffer;
use super::ports::{Sharing, Takes, Wish};
use crate::net::OptionName;
use crate::net::option::{buffer_size, timeout};
use crate::prelude::*;
use crate::process::{Credentials, cap};
use core::sync::atomic::AtomicBool;
use core::time::Duration;
use linux_raw_sys::net::{
    IP_BIND_ADDRESS_NO_PORT, IP_MTU_DISCOVER, IP_PKTINFO, IP_RECVORIGDSTADDR, IP_RECVTOS, IP_RECVTTL, IP_TOS, IP_TTL,
    IPV6_RECVHOPLIMIT, IPV6_RECVPKTINFO, IPV6_RECVTCLASS, IPV6_TCLASS, IPV6_UNICAST_HOPS, IPV6_V6ONLY, SO_BINDTODEVICE,
    SO_BROADCAST, SO_DONTROUTE, SO_KEEPALIVE, SO_LINGER, SO_OOBINLINE, SO_PRIORITY, SO_RCVBUF, SO_RCVBUFFORCE,
    SO_RCVLOWAT, SO_RCVTIMEO_NEW, SO_RCVTIMEO_OLD, SO_REUSEADDR, SO_REUSEPORT, SO_SNDBUF, SO_SNDBUFFORCE,
    SO_SNDTIMEO_NEW, SO_SNDTIMEO_OLD, SO_TIMESTAMP_OLD, SO_TIMESTAMPNS_OLD, SOL_IP, SOL_IPV6, SOL_SOCKET, SOL_TCP,
    TCP_CORK, TCP_DEFER_ACCEPT, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_LINGER2, TCP_NODELAY, TCP_NOTSENT_LOWAT,
    TCP_QUICKACK, TCP_SYNCNT, TCP_USER_TIMEOUT,
};

const INT: usize = size_of::<i32>();
const TIMEVAL: usize = 16;
const LINGER: usize = 8;
/// The one network device.
const LOOPBACK: &[u8] = b"lo\0";

/// The options that were set; what wasn't has its default.
#[derive(Default)]
pub(super) struct Options(Mutex<BTreeMap<(u32, u32), Vec<u8>>>);

impl Clone for Options {
    fn clone(&self) -> Self {
        Self(Mutex::new(self.0.lock().clone()))
    }
}

/// The size of a buffer unless a program sets it (`rmem_default`, `wmem_default`), and the most that it may ask for.
const BUFFER: u32 = 212_992;

/// The length and default of an option that there is. Those that concern only a real network have no effect.
const fn known(option: OptionName) -> Option<(usize, i32)> {
    Some(match (option.level as u32, option.number as u32) {
        (SOL_SOCKET, SO_RCVTIMEO_OLD | SO_SNDTIMEO_OLD | SO_RCVTIMEO_NEW | SO_SNDTIMEO_NEW) => (TIMEVAL, 0),
        (SOL_SOCKET, SO_LINGER) => (LINGER, 0),
        (SOL_SOCKET, SO_SNDBUF | SO_RCVBUF | SO_SNDBUFFORCE | SO_RCVBUFFORCE) => (INT, BUFFER as i32),
        (SOL_SOCKET, SO_RCVLOWAT) | (SOL_TCP, TCP_QUICKACK) | (SOL_IP, IP_MTU_DISCOVER) => (INT, 1),
        (SOL_TCP, TCP_KEEPIDLE) => (INT, 7200),
        (SOL_TCP, TCP_KEEPINTVL) => (INT, 75),
        (SOL_TCP, TCP_KEEPCNT) => (INT, 9),
        (SOL_TCP, TCP_SYNCNT) => (INT, 6),
        (SOL_TCP, TCP_LINGER2) => (INT, 60),
        (SOL_TCP, TCP_NODELAY | TCP_CORK | TCP_USER_TIMEOUT | TCP_DEFER_ACCEPT | TCP_NOTSENT_LOWAT)
        | (
            SOL_SOCKET,
            SO_REUSEADDR | SO_REUSEPORT | SO_KEEPALIVE | SO_BROADCAST | SO_DONTROUTE | SO_PRIORITY | SO_OOBINLINE
            | SO_TIMESTAMP_OLD | SO_TIMESTAMPNS_OLD,
        )
        | (SOL_IP, IP_TOS | IP_BIND_ADDRESS_NO_PORT | IP_PKTINFO | IP_RECVTTL | IP_RECVTOS | IP_RECVORIGDSTADDR)
        | (SOL_IPV6, IPV6_V6ONLY | IPV6_TCLASS | IPV6_RECVPKTINFO | IPV6_RECVHOPLIMIT | IPV6_RECVTCLASS) => (INT, 0),
        (SOL_IP, IP_TTL) | (SOL_IPV6, IPV6_UNICAST_HOPS) => (INT, 64),
        _ => return None,
    })
}

fn find(option: OptionName) -> Result<(usize, i32)> {
    known(option).ok_or_else(|| {
        warn!("socket option {} of level {} is not there without a network", option.number, option.level);
        err!(ENOPROTOOPT, "no such option")
    })
}

impl Options {
    /// Whether there is such an option.
    pub(super) fn has(option: OptionName) -> bool {
        known(option).is_some()
    }

    /// Sets an option; `value` is as long as the program says.
    ///
    /// # Errors
    /// `ENOPROTOOPT`, `EINVAL` for a value that is too short, `EDOM` for a time that is none, `ENODEV`, `EPERM`.
    pub(super) fn set(&self, credentials: &Credentials, option: OptionName, value: &[u8]) -> Result<()> {
        if is_device(option) {
            return self.set_device(value);
        }
        let (len, _) = find(option)?;
        let mut name = (option.level as u32, option.number as u32);
        let mut bytes = value.get(..len).ok_or(err!(EINVAL, "the value is too short"))?.to_vec();
        match (option.level as u32, option.number as u32) {
            (SOL_SOCKET, SO_RCVTIMEO_OLD | SO_SNDTIMEO_OLD | SO_RCVTIMEO_NEW | SO_SNDTIMEO_NEW) => {
                timeout(&bytes)?;
            }
            (SOL_SOCKET, SO_SNDBUF) => bytes = buffer_value(&bytes, BUFFER, LEAST_TO_SEND),
            (SOL_SOCKET, SO_RCVBUF) => bytes = buffer_value(&bytes, BUFFER, LEAST_TO_RECEIVE),
            (SOL_SOCKET, SO_SNDBUFFORCE | SO_RCVBUFFORCE) => {
                if !credentials.has_cap(cap::NET_ADMIN) {
                    bail!(EPERM, "only for who may administer the network");
                }
                let (own, least) = match name.1 {
                    SO_SNDBUFFORCE => (SO_SNDBUF, LEAST_TO_SEND),
                    _ => (SO_RCVBUF, LEAST_TO_RECEIVE),
                };
                name = (SOL_SOCKET, own);
                bytes = buffer_value(&int(&bytes).max(0).to_ne_bytes(), MOST_FORCED, least);
            }
            (SOL_SOCKET, SO_RCVLOWAT) => {
                let least = int(&bytes);
                bytes = if least < 0 { i32::MAX } else { least.max(1) }.to_ne_bytes().to_vec();
            }
            (SOL_SOCKET, SO_REUSEADDR | SO_REUSEPORT | SO_KEEPALIVE | SO_BROADCAST | SO_DONTROUTE | SO_OOBINLINE) => {
                bytes = i32::from(int(&bytes) != 0).to_ne_bytes().to_vec();
            }
            _ => {}
        }
        self.0.lock().insert(name, bytes);
        Ok(())
    }

    /// Reads an option.
    ///
    /// # Errors
    /// `ENOPROTOOPT`.
    pub(super) fn get(&self, option: OptionName) -> Result<Vec<u8>> {
        let set = self.0.lock().get(&(option.level as u32, option.number as u32)).cloned();
        if is_device(option) {
            return Ok(set.unwrap_or_default());
        }
        let (len, default) = find(option)?;
        Ok(set.unwrap_or_else(|| {
            let mut value = default.to_ne_bytes().to_vec();
            value.resize(len, 0);
            value
        }))
    }

    /// Binds the socket to the device with this name, or to none if it's empty (`man 7 socket`, `SO_BINDTODEVICE`).
    fn set_device(&self, name: &[u8]) -> Result<()> {
        let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
        let device = match name {
            b"" => &[],
            b"lo" => LOOPBACK,
            _ => return Err(err!(ENODEV, "no such device")),
        };
        self.0.lock().insert((SOL_SOCKET, SO_BINDTODEVICE), device.to_vec());
        Ok(())
    }

    /// Whether an option is set to something else than 0.
    pub(super) fn is_on(&self, level: u32, name: u32) -> bool {
        self.0.lock().get(&(level, name)).is_some_and(|bytes| int(bytes) != 0)
    }

    /// How many bytes a buffer holds: half of what the option says, which Linux's own needs are counted in.
    pub(super) fn buffer(&self, buffer: Buffer) -> usize {
        let name = match buffer {
            Buffer::Send => SO_SNDBUF,
            Buffer::Receive => SO_RCVBUF,
        };
        let set = self.0.lock().get(&(SOL_SOCKET, name)).map(|bytes| int(bytes));
        usize::try_from(set.unwrap_or(BUFFER as i32)).unwrap_or(0) / 2
    }

    /// So many bytes, and the socket is ready to receive (`SO_RCVLOWAT`).
    pub(super) fn least(&self) -> usize {
        let set = self.0.lock().get(&(SOL_SOCKET, SO_RCVLOWAT)).map(|bytes| int(bytes));
        usize::try_from(set.unwrap_or(1)).unwrap_or(1)
    }

    /// A number, as it was set or as it is by default.
    pub(super) fn number(&self, level: u32, name: u32) -> i32 {
        let option = OptionName { level: level as i32, number: name as i32 };
        self.get(option).map_or(0, |bytes| int(&bytes))
    }

    /// How the socket's address is to be bound.
    pub(super) fn wish(&self, listens: &Arc<AtomicBool>) -> Wish {
        let sharing = if self.is_on(SOL_SOCKET, SO_REUSEPORT) {
            Sharing::Shared
        } else if self.is_on(SOL_SOCKET, SO_REUSEADDR) {
            Sharing::Reused
        } else {
            Sharing::Exclusive
        };
        let takes = if self.is_on(SOL_IPV6, IPV6_V6ONLY) { Takes::OwnFamily } else { Takes::Both };
        Wish { takes, sharing, listens: listens.clone() }
    }

    /// Whether closing resets the connection (`SO_LINGER` with no time).
    pub(super) fn resets_on_close(&self) -> bool {
        let options = self.0.lock();
        options.get(&(SOL_SOCKET, SO_LINGER)).is_some_and(|linger| int(linger) != 0 && int(&linger[INT..]) == 0)
    }

    /// How long receiving may wait; forever if absent.
    pub(super) fn receive_timeout(&self) -> Option<Duration> {
        self.timeout([SO_RCVTIMEO_OLD, SO_RCVTIMEO_NEW])
    }

    /// How long sending may wait; forever if absent.
    pub(super) fn send_timeout(&self) -> Option<Duration> {
        self.timeout([SO_SNDTIMEO_OLD, SO_SNDTIMEO_NEW])
    }

    fn timeout(&self, names: [u32; 2]) -> Option<Duration> {
        let options = self.0.lock();
        let set = names.iter().find_map(|&name| options.get(&(SOL_SOCKET, name)))?;
        timeout(set).ok().flatten()
    }
}

/// Whether it's the option whose value is a name, and not of one length.
const fn is_device(option: OptionName) -> bool {
    matches!((option.level as u32, option.number as u32), (SOL_SOCKET, SO_BINDTODEVICE))
}

/// The least sizes of buffers (`SOCK_MIN_SNDBUF`, `SOCK_MIN_RCVBUF`), and the most that may be forced.
const LEAST_TO_SEND: u32 = 4608;
const LEAST_TO_RECEIVE: u32 = 2304;
const MOST_FORCED: u32 = 1 << 30;

/// What is kept of a buffer's size that was asked for.
fn buffer_value(asked: &[u8], most: u32, least: u32) -> Vec<u8> {
    buffer_size(int(asked), most, least).to_ne_bytes().to_vec()
}

fn int(bytes: &[u8]) -> i32 {
    bytes.first_chunk().map_or(0, |bytes| i32::from_ne_bytes(*bytes))
}
