//! How programs write times.

use crate::prelude::*;
use core::time::Duration;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct timespec`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Timespec {
    /// Seconds.
    pub secs: i64,
    /// Nanoseconds.
    pub nanos: i64,
}

impl Timespec {
    /// The time, if it is a sound one.
    ///
    /// # Errors
    /// `EINVAL` if it is negative, or the nanoseconds are a second or more.
    pub fn duration(self) -> Result<Duration> {
        match (u64::try_from(self.secs), self.nanos) {
            (Ok(secs), 0..=999_999_999) => Ok(Duration::new(secs, self.nanos as u32)),
            _ => Err(err!(EINVAL, "not a time")),
        }
    }
}

impl From<Duration> for Timespec {
    fn from(time: Duration) -> Self {
        Self { secs: time.as_secs() as i64, nanos: i64::from(time.subsec_nanos()) }
    }
}

/// `struct timeval`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Timeval {
    /// Seconds.
    pub secs: i64,
    /// Microseconds.
    pub micros: i64,
}

impl Timeval {
    /// The time, if it is a sound one.
    ///
    /// # Errors
    /// `EINVAL` if it is negative, or the microseconds are a second or more.
    pub fn duration(self) -> Result<Duration> {
        match (u64::try_from(self.secs), self.micros) {
            (Ok(secs), 0..=999_999) => Ok(Duration::new(secs, self.micros as u32 * 1000)),
            _ => Err(err!(EINVAL, "not a time")),
        }
    }
}

impl From<Duration> for Timeval {
    fn from(time: Duration) -> Self {
        Self { secs: time.as_secs() as i64, micros: i64::from(time.subsec_micros()) }
    }
}
