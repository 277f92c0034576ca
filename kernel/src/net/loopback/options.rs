//! Options of the loopback's sockets.

use super::ports::{Sharing, Takes, Wish};
use crate::net::OptionName;
use crate::net::option::timeout;
use crate::prelude::*;
use core::sync::atomic::AtomicBool;
use core::time::Duration;
use linux_raw_sys::net::{
    IP_BIND_ADDRESS_NO_PORT, IP_MTU_DISCOVER, IP_TOS, IP_TTL, IPV6_TCLASS, IPV6_UNICAST_HOPS, IPV6_V6ONLY,
    SO_BINDTODEVICE, SO_BROADCAST, SO_DONTROUTE, SO_KEEPALIVE, SO_LINGER, SO_PRIORITY, SO_RCVBUF, SO_RCVLOWAT,
    SO_RCVTIMEO_NEW, SO_RCVTIMEO_OLD, SO_REUSEADDR, SO_REUSEPORT, SO_SNDBUF, SO_SNDTIMEO_NEW, SO_SNDTIMEO_OLD, SOL_IP,
    SOL_IPV6, SOL_SOCKET, SOL_TCP, TCP_CORK, TCP_DEFER_ACCEPT, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_LINGER2,
    TCP_NODELAY, TCP_NOTSENT_LOWAT, TCP_QUICKACK, TCP_SYNCNT, TCP_USER_TIMEOUT,
};

const INT: usize = size_of::<i32>();
const TIMEVAL: usize = 16;
const LINGER: usize = 8;
/// The one network device.
const LOOPBACK: &[u8] = b"lo\0";

/// The options that were set; what wasn't has its default.
#[derive(Default)]
pub(super) struct Options(Mutex<BTreeMap<(u32, u32), Vec<u8>>>);

/// The length and default of an option that there is. Those that concern only a real network have no effect.
const fn known(option: OptionName) -> Option<(usize, i32)> {
    const BUFFER: i32 = 212_992;
    Some(match (option.level as u32, option.number as u32) {
        (SOL_SOCKET, SO_RCVTIMEO_OLD | SO_SNDTIMEO_OLD | SO_RCVTIMEO_NEW | SO_SNDTIMEO_NEW) => (TIMEVAL, 0),
        (SOL_SOCKET, SO_LINGER) => (LINGER, 0),
        (SOL_SOCKET, SO_SNDBUF | SO_RCVBUF) => (INT, BUFFER),
        (SOL_SOCKET, SO_RCVLOWAT) | (SOL_TCP, TCP_QUICKACK) | (SOL_IP, IP_MTU_DISCOVER) => (INT, 1),
        (SOL_SOCKET, SO_REUSEADDR | SO_REUSEPORT | SO_KEEPALIVE | SO_BROADCAST | SO_DONTROUTE | SO_PRIORITY) => {
            (INT, 0)
        }
        (SOL_TCP, TCP_KEEPIDLE) => (INT, 7200),
        (SOL_TCP, TCP_KEEPINTVL) => (INT, 75),
        (SOL_TCP, TCP_KEEPCNT) => (INT, 9),
        (SOL_TCP, TCP_SYNCNT) => (INT, 6),
        (SOL_TCP, TCP_LINGER2) => (INT, 60),
        (SOL_TCP, TCP_NODELAY | TCP_CORK | TCP_USER_TIMEOUT | TCP_DEFER_ACCEPT | TCP_NOTSENT_LOWAT)
        | (SOL_IP, IP_TOS | IP_BIND_ADDRESS_NO_PORT)
        | (SOL_IPV6, IPV6_V6ONLY | IPV6_TCLASS) => (INT, 0),
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
    /// Sets an option; `value` is as long as the program says.
    ///
    /// # Errors
    /// `ENOPROTOOPT`, `EINVAL` for a value that is too short, `EDOM` for a time that is none, `ENODEV`.
    pub(super) fn set(&self, option: OptionName, value: &[u8]) -> Result<()> {
        if is_device(option) {
            return self.set_device(value);
        }
        let (len, _) = find(option)?;
        let mut bytes = value.get(..len).ok_or(err!(EINVAL, "the value is too short"))?.to_vec();
        match (option.level as u32, option.number as u32) {
            (SOL_SOCKET, SO_RCVTIMEO_OLD | SO_SNDTIMEO_OLD | SO_RCVTIMEO_NEW | SO_SNDTIMEO_NEW) => {
                timeout(&bytes)?;
            }
            // Linux doubles what is asked for (`man 7 socket`).
            (SOL_SOCKET, SO_SNDBUF | SO_RCVBUF) => {
                bytes = int(&bytes).clamp(1152, 1 << 24).saturating_mul(2).to_ne_bytes().to_vec();
            }
            (SOL_SOCKET, SO_REUSEADDR | SO_REUSEPORT | SO_KEEPALIVE | SO_BROADCAST | SO_DONTROUTE) => {
                bytes = i32::from(int(&bytes) != 0).to_ne_bytes().to_vec();
            }
            _ => {}
        }
        self.0.lock().insert((option.level as u32, option.number as u32), bytes);
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

    /// Binds the socket to the device with this name, or to none if it's empty (`man 7 socket`, SO_BINDTODEVICE).
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

    fn is_on(&self, level: u32, name: u32) -> bool {
        self.0.lock().get(&(level, name)).is_some_and(|bytes| int(bytes) != 0)
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

fn int(bytes: &[u8]) -> i32 {
    bytes.first_chunk().map_or(0, |bytes| i32::from_ne_bytes(*bytes))
}
