//! What users see of system calls: `--trace`, `--stats`, and the log lines of DESIGN's levels.
//!
//! - [`observer`]: what happens around a system call when somebody looks, and the switch for it;
//! - [`trace`]: a call as one line, as strace prints it;
//! - [`hooks`]: the arguments that need more than their type says: buffers, structures, flags by Linux's names;
//! - [`print`] and [`names`]: how those are printed;
//! - [`stats`]: counters and the table at the end.
//!
//! Locks: none are held while a system call runs.

mod hooks;
mod names;
mod observer;
mod print;
mod stats;
mod trace;

pub use observer::{call, finish, init, is_on};
