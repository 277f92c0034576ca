//! System calls about process groups and sessions.

use crate::prelude::*;
use crate::process::{Process, Thread, group, table};
use crate::syscalls::Context;

/// `getpgrp(2)`.
pub fn getpgrp(cx: Context<'_>) -> Result<usize> {
    Ok(cx.thread.process.group() as usize)
}

/// `getpgid(2)`.
pub fn getpgid(cx: Context<'_>, pid: i32) -> Result<usize> {
    Ok(process_of(cx.thread, pid)?.group() as usize)
}

/// `getsid(2)`.
pub fn getsid(cx: Context<'_>, pid: i32) -> Result<usize> {
    Ok(process_of(cx.thread, pid)?.session() as usize)
}

/// `setpgid(2)`.
pub fn setpgid(cx: Context<'_>, pid: i32, group: i32) -> Result<usize> {
    let group = u32::try_from(group).map_err(|_| err!(EINVAL, "the process group id is negative"))?;
    // The group of a negative id would be the process's own.
    let no_process =
        if group == 0 { err!(EINVAL, "the process id is negative") } else { err!(ESRCH, "no such process") };
    let pid = u32::try_from(pid).map_err(|_| no_process)?;
    group::set_group(&cx.thread.process, pid, group)?;
    Ok(0)
}

/// `setsid(2)`.
pub fn setsid(cx: Context<'_>) -> Result<usize> {
    Ok(group::set_session(&cx.thread.process)? as usize)
}

/// The process of this id; the caller's for 0.
fn process_of(thread: &Thread, pid: i32) -> Result<Arc<Process>> {
    if pid == 0 {
        return Ok(thread.process.clone());
    }
    u32::try_from(pid).ok().and_then(table::find).ok_or(err!(ESRCH, "no such process"))
}
