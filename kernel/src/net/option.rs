//! Options of sockets (`man 7 socket`): their names, and how their values cross the edge.

use crate::prelude::*;
use crate::time::Timeval;
use core::time::Duration;
use zerocopy::{FromBytes, IntoBytes};

/// An option's name: the level that has it, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionName {
    /// `SOL_SOCKET`, or a protocol.
    pub level: i32,
    /// `SO_*`, or one of the protocol's.
    pub number: i32,
}

/// Numbers of the options that all sockets have (`SOL_SOCKET`).
#[expect(missing_docs, reason = "named as in `man 7 socket`")]
pub mod so {
    pub const DEBUG: i32 = 1;
    pub const REUSEADDR: i32 = 2;
    pub const TYPE: i32 = 3;
    pub const ERROR: i32 = 4;
    pub const DONTROUTE: i32 = 5;
    pub const BROADCAST: i32 = 6;
    pub const SNDBUF: i32 = 7;
    pub const RCVBUF: i32 = 8;
    pub const KEEPALIVE: i32 = 9;
    pub const OOBINLINE: i32 = 10;
    pub const PRIORITY: i32 = 12;
    pub const LINGER: i32 = 13;
    pub const REUSEPORT: i32 = 15;
    pub const PASSCRED: i32 = 16;
    pub const PEERCRED: i32 = 17;
    pub const RCVLOWAT: i32 = 18;
    pub const SNDLOWAT: i32 = 19;
    pub const RCVTIMEO: i32 = 20;
    pub const SNDTIMEO: i32 = 21;
    pub const PEERNAME: i32 = 28;
    pub const TIMESTAMP: i32 = 29;
    pub const ACCEPTCONN: i32 = 30;
    pub const PEERSEC: i32 = 31;
    pub const SNDBUFFORCE: i32 = 32;
    pub const RCVBUFFORCE: i32 = 33;
    pub const PROTOCOL: i32 = 38;
    pub const DOMAIN: i32 = 39;
    pub const PEEK_OFF: i32 = 42;
    pub const PEERGROUPS: i32 = 59;
    pub const PASSPIDFD: i32 = 76;
    pub const PEERPIDFD: i32 = 77;
}

/// A number as an option's value.
///
/// # Errors
/// `EINVAL` if there are too few bytes.
pub fn number(value: &[u8]) -> Result<i32> {
    value.first_chunk().copied().map(i32::from_ne_bytes).ok_or(err!(EINVAL, "the option's value is too short"))
}

/// A time as an option's value; `None` for 0, which means for ever.
///
/// # Errors
/// `EINVAL` if there are too few bytes, `EDOM` if it's no time.
pub fn timeout(value: &[u8]) -> Result<Option<Duration>> {
    let (time, _) = Timeval::read_from_prefix(value).map_err(|_| err!(EINVAL, "the option's value is too short"))?;
    if !(0..1_000_000).contains(&time.micros) {
        bail!(EDOM, "no number of microseconds");
    }
    // A negative time has passed, which Linux takes for the shortest one.
    let secs = u64::try_from(time.secs).unwrap_or(0);
    let time = if time.secs < 0 { Duration::from_nanos(1) } else { Duration::new(secs, time.micros as u32 * 1000) };
    Ok((!time.is_zero()).then_some(time))
}

/// A time as the bytes of an option's value.
pub fn timeout_value(timeout: Option<Duration>) -> Vec<u8> {
    Timeval::from(timeout.unwrap_or_default()).as_bytes().to_vec()
}

/// Twice what is asked for, within bounds, as Linux counts its own needs in.
pub(super) fn buffer_size(asked: i32, most: u32, least: u32) -> u32 {
    (asked as u32).min(most).saturating_mul(2).max(least)
}
