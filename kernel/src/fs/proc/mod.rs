//! `/proc`: what the LibOS shows of itself and its processes (`man 5 proc`).
//!
//! - [`node`]: files and directories whose contents are made when they are looked at;
//! - [`process`]: `/proc/PID`; [`system`]: the rest.

mod node;
mod process;
mod system;

pub use system::root;
