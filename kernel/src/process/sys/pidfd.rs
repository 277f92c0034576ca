//! System calls about descriptors of processes.

use crate::fs::{self, FdFlags, File, StatusFlags};
use crate::prelude::*;
use crate::process::{AccessMode, PidFd, Process, Resource, may_access, table};
use crate::signal::{self, SigInfo};
use crate::syscalls::Context;
use crate::syscalls::args::FileDesc;

/// `pidfd_open(2)`.
pub fn pidfd_open(cx: Context<'_>, pid: i32, flags: u32) -> Result<usize> {
    let status = StatusFlags::from_bits(flags)
        .filter(|status| StatusFlags::O_NONBLOCK.contains(*status))
        .ok_or(err!(EINVAL, "undefined flags"))?;
    if pid <= 0 {
        bail!(EINVAL, "process ids are positive");
    }
    let process = match table::find(pid as u32) {
        Some(process) => process,
        None if table::find_thread(pid as u32).is_some() => bail!(ENOENT, "a thread that leads no process"),
        None => bail!(ESRCH, "no such process"),
    };
    Ok(PidFd::open(cx.thread, &process, status)?.0 as usize)
}

/// `pidfd_send_signal(2)`.
pub fn pidfd_send_signal(
    cx: Context<'_>,
    pidfd: FileDesc,
    signal: i32,
    info: UserPtr<SigInfo>,
    flags: u32,
) -> Result<usize> {
    if flags != 0 {
        bail!(EINVAL, "undefined flags");
    }
    let file = cx.thread.file(pidfd)?;
    // A directory `/proc/PID` does as well, as before there were other descriptors of processes.
    let process = match file.inode() {
        Some(inode) if !file.status().contains(StatusFlags::O_PATH) => fs::proc::process_of(&*inode),
        _ => process_of(&*file),
    };
    let process = process.ok_or(NO_PROCESS)?;
    signal::sys::send_by_descriptor(&cx, &process, signal, info)
}

/// `pidfd_getfd(2)`.
pub fn pidfd_getfd(cx: Context<'_>, pidfd: FileDesc, target: FileDesc, flags: u32) -> Result<usize> {
    if flags != 0 {
        bail!(EINVAL, "undefined flags");
    }
    let process = process_of(&*cx.thread.file(pidfd)?).ok_or(NO_PROCESS)?;
    let thread = process.any_thread().ok_or(err!(ESRCH, "the process has ended"))?;
    may_access(cx.thread, &thread, AccessMode::Real)?;
    let file: Arc<dyn File> = thread.file(target)?;
    let limit = cx.thread.process.limits.lock().soft(Resource::OpenFiles);
    Ok(cx.thread.files().insert(file, FdFlags::CLOEXEC, 0, limit)?.0 as usize)
}

const NO_PROCESS: Error = Error::new(Errno::EBADF, "no descriptor of a process");

fn process_of(file: &dyn File) -> Option<Arc<Process>> {
    file.downcast_ref::<PidFd>().map(|pidfd| pidfd.process().clone())
}
