//! OCalls about sockets of the host.
//!
//! - [`HostSocket`]: a socket with what was asked for when it was made, which is what its answers are checked against;
//! - [`HostAddress`]: an address of the host, of the socket's own family;
//! - [`Outgoing`], [`Incoming`] and [`Received`]: a message's parts beside its bytes;
//! - [`InterfaceRequest`]: what may be asked about network interfaces.

mod address;
mod interface;
mod message;
mod option;
mod socket;

pub use address::{HostAddress, MAX_ADDRESS};
pub use interface::{INTERFACE_SIZE, InterfaceRequest};
pub use message::{Incoming, Outgoing, Received};
pub use option::QueueRequest;
pub use socket::{Domain, HostSocket, Kind, Shutdown};
