//! Networking: sockets.
//!
//! - [`Endpoint`]: a connected Unix stream socket (`man 7 unix`), made of two channels that it shares with its peer;
//! - [`sys`]: the system calls.

mod endpoint;
mod host;
pub mod sys;

pub use endpoint::{Direction, Endpoint};
pub use host::HostSocketFile;
