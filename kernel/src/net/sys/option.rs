//! `getsockopt(2)` and `setsockopt(2)`.

use super::as_socket;
use crate::net::OptionName;
use crate::prelude::*;
use crate::syscalls::Context;
use crate::syscalls::args::FileDesc;

fn value(at: UserPtr<u8>, len: i32) -> Result<UserSlice> {
    at.slice(usize::try_from(len).map_err(|_| err!(EINVAL, "the length is negative"))?)
}

/// `setsockopt(2)`.
pub fn setsockopt(
    cx: Context<'_>,
    fd: FileDesc,
    level: u32,
    name: u32,
    option: UserPtr<u8>,
    len: i32,
) -> Result<usize> {
    let file = cx.thread.file(fd)?;
    let socket = as_socket(&file)?;
    socket.set_option(&cx.thread.credentials(), OptionName { level, name }, value(option, len)?)?;
    Ok(0)
}

/// `getsockopt(2)`.
pub fn getsockopt(
    cx: Context<'_>,
    fd: FileDesc,
    level: u32,
    name: u32,
    option: UserPtr<u8>,
    len: UserPtr<i32>,
) -> Result<usize> {
    let file = cx.thread.file(fd)?;
    let socket = as_socket(&file)?;
    let found = socket.option(OptionName { level, name }, value(option, len.read()?)?)?;
    len.write(&(found as i32))?;
    Ok(0)
}
