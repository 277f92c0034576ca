//! The system as a whole: its names, its size, its randomness.
//!
//! - [`names`]: what `uname` tells: the host's, but for the names that were set here;
//! - [`sys`]: the system calls.

mod names;
pub mod sys;

pub use names::{domain_name, host_name, init};
