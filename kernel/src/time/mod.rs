//! Clocks, sleeping and timers.

mod clock;
pub mod cpu_limit;
mod service;
pub mod sys;
mod timer_sys;
mod timerfd;
mod timerfd_sys;
pub mod timers;
mod types;

pub use service::{start as start_service, wake as wake_service};
pub use types::{Timespec, Timeval};
