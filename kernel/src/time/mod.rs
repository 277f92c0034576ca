//! Clocks, sleeping and timers.

pub mod sys;
mod timer_sys;
pub mod timers;
mod types;

pub use types::{Timespec, Timeval};
