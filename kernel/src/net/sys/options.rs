//! `getsockopt`, `setsockopt`.

use super::as_socket;
use crate::net::OptionName;
use crate::prelude::*;
use crate::syscalls::Context;
use crate::syscalls::args::FileDesc;

/// No option has a larger value.
const MAX_VALUE: usize = 64 << 10;

/// `getsockopt(2)`.
pub fn getsockopt(
    cx: Context<'_>,
    fd: FileDesc,
    level: i32,
    number: i32,
    value: UserPtr<u8>,
    len: UserPtr<i32>,
) -> Result<usize> {
    let file = cx.thread.file(fd)?;
    let socket = as_socket(&*file)?;
    let room = usize::try_from(len.read()?).map_err(|_| err!(EINVAL, "the length is negative"))?;
    let found = socket.option(cx.thread, OptionName { level, number }, room.min(MAX_VALUE))?;
    let found = &found[..found.len().min(room)];
    value.slice(found.len())?.write(found)?;
    len.write(&(found.len() as i32))?;
    Ok(0)
}

/// `setsockopt(2)`.
pub fn setsockopt(
    cx: Context<'_>,
    fd: FileDesc,
    level: i32,
    number: i32,
    value: UserPtr<u8>,
    len: i32,
) -> Result<usize> {
    let len = usize::try_from(len).map_err(|_| err!(EINVAL, "the length is negative"))?;
    let file = cx.thread.file(fd)?;
    let socket = as_socket(&*file)?;
    let value = value.slice(len.min(MAX_VALUE))?.to_vec()?;
    socket.set_option(cx.thread, OptionName { level, number }, &value)?;
    Ok(0)
}
