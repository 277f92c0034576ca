//! Networking: sockets.
//!
//! - [`Socket`]: what all sockets share, and what a message consists of;
//! - [`Address`], [`MessageHeader`]: addresses and messages as programs pass them;
//! - [`Endpoint`]: a connected Unix stream socket (`man 7 unix`), made of two channels that it shares with its peer;
//! - [`HostSocketFile`]: an Internet or route socket, which the host provides;
//! - [`sys`]: the system calls.

mod address;
mod endpoint;
mod host;
mod message;
mod socket;
pub mod sys;

pub use address::{Address, MAX_ADDRESS};
pub use endpoint::Endpoint;
pub use host::HostSocketFile;
pub use message::{ManyHeader, MessageHeader};
pub use socket::{Half, MessageFlags, OptionName, Outgoing, Received, Socket, Wanted};
