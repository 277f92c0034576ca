//! Networking: sockets.
//!
//! - [`Socket`]: what all sockets share, reached from a [`File`](crate::fs::File) by `as_socket`;
//! - [`Address`], [`Outgoing`] and [`Incoming`] messages with their [`control`] messages, [`OptionName`]: what crosses the
//!   edge, checked there once for all kinds of sockets;
//! - [`unix`]: Unix sockets, which never leave the LibOS;
//! - [`host`]: Internet and route sockets, which the host provides;
//! - [`loopback`]: Internet sockets of the loopback inside the LibOS, without the host;
//! - [`sys`]: the system calls.

mod address;
pub mod control;
pub mod host;
pub mod loopback;
pub mod message;
mod node;
pub mod option;
mod socket;
pub mod sys;
pub mod unix;

pub use address::{AF_UNIX, AF_UNSPEC, Address};
pub use message::{Incoming, MessageFlags, Outgoing};
pub use option::OptionName;
pub use socket::{Shutdown, Socket};
