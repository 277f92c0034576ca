//! `/proc`: what the LibOS shows of itself and its processes (`man 5 proc`).
//!
//! - [`node`]: files and directories whose contents are made when they are looked at;
//! - [`subject`]: the process or thread that a file is about, and who may look into it;
//! - [`process`]: `/proc/PID` and `/proc/PID/task/TID`, with [`stat`], [`status`], [`descriptors`], [`memory`];
//! - [`network`]: `/proc/net` and `/proc/sys/net`;
//! - [`system`]: the rest.
//!
//! A file of a process holds on to the process, but not to its life: reading one of a process that was waited for is
//! `ESRCH`. Nothing here is cached, since `self` stands for whoever looks.

mod descriptors;
mod memory;
mod network;
mod node;
mod process;
mod stat;
mod status;
mod subject;
mod system;

pub use node::process_of;
pub use system::root;
