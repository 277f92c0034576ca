//! Internet sockets of the loopback inside the LibOS (`--net none`): no call reaches the host.
//!
//! - `address`: addresses of the loopback, as programs write and read them;
//! - `ports`: who has bound which address;
//! - [`StreamSocket`]: TCP, whose connections are two channels as those of Unix sockets are;
//! - [`DatagramSocket`]: UDP, whose datagrams wait with the receiver;
//! - `options`: options of both.
//!
//! The table of ports and a socket's own state are never locked together.

mod address;
mod datagram;
mod options;
mod ports;
mod stream;

pub use datagram::DatagramSocket;
pub use stream::StreamSocket;

/// Bytes of a `struct cmsghdr`: less than that is no control message.
const CONTROL_HEADER: usize = 16;
