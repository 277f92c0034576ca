//! System calls of sockets.

mod connection;
mod create;
mod many;
mod option;
mod transfer;

pub use connection::*;
pub use create::*;
pub use many::*;
pub use option::*;
pub use transfer::*;

use super::Socket;
use crate::fs::{File, StatusFlags};
use crate::prelude::*;

/// The socket that a file is.
fn as_socket(file: &Arc<dyn File>) -> Result<&dyn Socket> {
    if file.status().contains(StatusFlags::O_PATH) {
        bail!(EBADF, "the file was opened with O_PATH");
    }
    file.as_socket().ok_or(err!(ENOTSOCK, "not a socket"))
}

/// The status that flags beside a socket's type ask for.
///
/// # Errors
/// `EINVAL` for others than `SOCK_CLOEXEC` and `SOCK_NONBLOCK`.
fn status(flags: u32) -> Result<StatusFlags> {
    let known = StatusFlags::O_NONBLOCK | StatusFlags::O_CLOEXEC;
    let status = StatusFlags::from_bits(flags).filter(|status| known.contains(*status));
    status.ok_or(err!(EINVAL, "undefined flags"))
}
