//! System calls of sockets: they decode, and go to the [`Socket`] of a descriptor.

mod connect;
mod create;
mod messages;
mod names;
mod options;
mod transfer;

pub use connect::*;
pub use create::*;
pub use messages::*;
pub use names::*;
pub use options::*;
pub use transfer::*;

use super::Socket;
use crate::fs::{File, StatusFlags};
use crate::prelude::*;

/// The socket that a file is.
fn as_socket(file: &dyn File) -> Result<&dyn Socket> {
    if file.status().contains(StatusFlags::O_PATH) {
        bail!(EBADF, "the file was opened with O_PATH");
    }
    file.as_socket().ok_or(err!(ENOTSOCK, "not a socket"))
}
