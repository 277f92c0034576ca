//! System calls that wait for children.

use crate::prelude::*;
use crate::process::wait::{self, Children, Found, WaitOptions};
use crate::process::{PidFd, Thread};
use crate::signal::{SigInfo, Signal};
use crate::syscalls::Context;
use crate::syscalls::args::FileDesc;
use frame::ocall::process::Rusage;

/// `wait4(2)`.
pub fn wait4(cx: Context<'_>, pid: i32, status: UserPtr<i32>, options: u32, usage: UserPtr<Rusage>) -> Result<usize> {
    const ALLOWED: WaitOptions = WaitOptions::WNOHANG
        .union(WaitOptions::WSTOPPED)
        .union(WaitOptions::WCONTINUED)
        .union(WaitOptions::WNOTHREAD)
        .union(WaitOptions::WALL)
        .union(WaitOptions::WCLONE);
    let options = WaitOptions::from_bits(options)
        .filter(|options| ALLOWED.contains(*options))
        .ok_or(err!(EINVAL, "undefined options"))?;
    if pid == i32::MIN {
        bail!(ESRCH, "no such process group");
    }
    let which = match pid {
        -1 => Children::Any,
        0 => Children::Group(cx.thread.process.group()),
        1.. => Children::Pid(pid as u32),
        _ => Children::Group(pid.unsigned_abs()),
    };
    let Some(found) = wait::wait(cx.thread, &which, options | WaitOptions::WEXITED)? else { return Ok(0) };
    usage.write_if_some(&found.usage)?;
    status.write_if_some(&found.change.status_word())?;
    Ok(found.pid as usize)
}

/// `waitid(2)`.
pub fn waitid(
    cx: Context<'_>,
    kind: u32,
    id: u32,
    info: UserPtr<SigInfo>,
    options: u32,
    usage: UserPtr<Rusage>,
) -> Result<usize> {
    const STATES: WaitOptions = WaitOptions::WEXITED.union(WaitOptions::WSTOPPED).union(WaitOptions::WCONTINUED);
    let options = WaitOptions::from_bits(options)
        .filter(|options| options.intersects(STATES))
        .ok_or(err!(EINVAL, "undefined options, or no state to wait for"));
    let result = options.and_then(|options| {
        let mut as_file = options;
        let which = children(cx.thread, kind, id, &mut as_file)?;
        match wait::wait(cx.thread, &which, as_file)? {
            None if as_file != options => Err(err!(EAGAIN, "the process goes on")),
            found => Ok(found),
        }
    });
    let found = result.as_ref().ok().and_then(Option::as_ref);
    if let Some(found) = found {
        usage.write_if_some(&found.usage)?;
    }
    // As Linux does, even when it fails.
    if let Some(info) = info.non_null() {
        write_info(info, found)?;
    }
    result.map(|_| 0)
}

fn children(thread: &Thread, kind: u32, id: u32, options: &mut WaitOptions) -> Result<Children> {
    const P_ALL: u32 = 0;
    const P_PID: u32 = 1;
    const P_PGID: u32 = 2;
    const P_PIDFD: u32 = 3;
    Ok(match kind {
        P_ALL => Children::Any,
        P_PID if id as i32 > 0 => Children::Pid(id),
        P_PGID if id == 0 => Children::Group(thread.process.group()),
        P_PGID if id as i32 > 0 => Children::Group(id),
        P_PIDFD if id as i32 >= 0 => {
            let file = thread.file(FileDesc(id as i32))?;
            let pidfd = file.downcast_ref::<PidFd>().ok_or(err!(EBADF, "no descriptor of a process"))?;
            if !pidfd.blocks() {
                *options |= WaitOptions::WNOHANG;
            }
            Children::Process(pidfd.process().clone())
        }
        _ => bail!(EINVAL, "no such kind of id, or no such id"),
    })
}

/// Fills in what `waitid` does of a `siginfo_t`; without a change, only that there's none.
fn write_info(place: UserPtr<SigInfo>, found: Option<&Found>) -> Result<()> {
    /// Of the fields in front of those that `waitid` leaves alone.
    const FILLED: usize = 28;
    let info = match found {
        Some(found) => SigInfo::waited(Signal::SIGCHLD, found.pid, found.uid, found.change),
        None => SigInfo::nothing(),
    };
    let bytes = zerocopy::IntoBytes::as_bytes(&info);
    place.cast::<u8>().slice(FILLED)?.write(&bytes[..FILLED])?;
    Ok(())
}
