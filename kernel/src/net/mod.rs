//! Networking: sockets.
//!
//! - [`Socket`]: what all sockets share, and what a message consists of;
//! - [`Address`], [`MessageHeader`]: addresses and messages as programs pass them;
//! - [`Endpoint`]: a connected Unix stream socket (`man 7 unix`), made of two channels that it shares with its peer;
//! - [`HostSocketFile`]: an Internet or route socket, which the host provides;
//! - [`StreamSocket`], [`DatagramSocket`]: Internet sockets of the loopback inside the LibOS, without the host;
//! - [`sys`]: the system calls.

mod address;
mod connection;
mod endpoint;
mod host;
mod loopback;
mod message;
mod node;
mod socket;
pub mod sys;
mod waiting;

pub use address::{Address, MAX_ADDRESS};
pub use endpoint::Endpoint;
pub use host::HostSocketFile;
pub use loopback::{DatagramSocket, StreamSocket};
pub use message::{ManyHeader, MessageHeader};
pub use socket::{Half, MessageFlags, OptionName, Outgoing, Received, Socket, Wanted};
