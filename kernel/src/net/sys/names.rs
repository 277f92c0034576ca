//! `getsockname`, `getpeername`.

use super::as_socket;
use crate::prelude::*;
use crate::syscalls::Context;
use crate::syscalls::args::FileDesc;

/// `getsockname(2)`.
pub fn getsockname(cx: Context<'_>, fd: FileDesc, address: UserPtr<u8>, len: UserPtr<i32>) -> Result<usize> {
    let file = cx.thread.file(fd)?;
    as_socket(&*file)?.name()?.write(address, len)?;
    Ok(0)
}

/// `getpeername(2)`.
pub fn getpeername(cx: Context<'_>, fd: FileDesc, address: UserPtr<u8>, len: UserPtr<i32>) -> Result<usize> {
    let file = cx.thread.file(fd)?;
    as_socket(&*file)?.peer_name()?.write(address, len)?;
    Ok(0)
}
