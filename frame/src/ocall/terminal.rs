//! OCalls about a terminal's processes: who it signals, and who may read it (`man 2 ioctl_tty`).

use super::file::{HostFd, open_host};
use crate::errno::Result;
use crate::host;
use linux_raw_sys::general::{__NR_getpgid, __NR_ioctl, __NR_kill};

const TIOCSCTTY: usize = 0x540e;
const TIOCGPGRP: usize = 0x540f;
const TIOCSPGRP: usize = 0x5410;
const TIOCGDEV: usize = 0x8004_5432;

/// Opens the host process's controlling terminal.
///
/// # Errors
/// `ENXIO` if it has none.
pub fn open_controlling() -> Result<HostFd> {
    const O_RDWR: u32 = 2;
    open_host(c"/dev/tty", O_RDWR)
}

/// Opens a terminal anew, for status flags of its own.
///
/// # Errors
/// `EIO` after a hang-up.
pub fn reopen(fd: &HostFd, flags: u32) -> Result<HostFd> {
    let path = alloc::format!("/proc/self/fd/{}\0", fd.raw());
    let path = core::ffi::CStr::from_bytes_with_nul(path.as_bytes()).map_err(|_| crate::Errno::EINVAL)?;
    open_host(path, flags)
}

/// The device number of the terminal itself, whatever name it was opened by.
///
/// # Errors
/// `ENOTTY` if it's no terminal.
pub fn device(fd: &HostFd) -> Result<u32> {
    get(fd, TIOCGDEV)
}

/// Whether the terminal, the host process's controlling one, has the host process in its foreground.
///
/// # Errors
/// `ENOTTY` if it isn't the controlling terminal, `EIO` after a hang-up.
pub fn is_foreground(fd: &HostFd) -> Result<bool> {
    Ok(get(fd, TIOCGPGRP)? == own_group())
}

/// Takes the terminal's foreground for the host process's group, from whoever has it.
///
/// # Errors
/// `ENOTTY` if it isn't the controlling terminal.
pub fn take_foreground(fd: &HostFd) -> Result<()> {
    let group = own_group();
    // SAFETY: the host reads a number.
    unsafe { host::call(__NR_ioctl, [fd.raw() as usize, TIOCSPGRP, &raw const group as usize, 0, 0, 0])? };
    Ok(())
}

/// Makes the terminal the host process's controlling one.
///
/// # Errors
/// `EPERM` if the host process leads no session, has one, or the terminal is another session's.
pub fn make_controlling(fd: &HostFd) -> Result<()> {
    // SAFETY: no effect on memory.
    unsafe { host::call(__NR_ioctl, [fd.raw() as usize, TIOCSCTTY, 0, 0, 0, 0])? };
    Ok(())
}

/// Sends a signal of the terminal that the LibOS's own host processes ignore (`SIGTTIN`, `SIGTTOU`) to the others of
/// their process group.
pub fn signal_job(signal: i32) {
    // SAFETY: no effect on memory.
    let _ = unsafe { host::call(__NR_kill, [0, signal as usize, 0, 0, 0, 0]) };
}

fn own_group() -> u32 {
    // SAFETY: no effect on memory.
    unsafe { host::raw(__NR_getpgid, [0; 6]) as u32 }
}

fn get(fd: &HostFd, request: usize) -> Result<u32> {
    let mut number = 0_u32;
    // SAFETY: the host writes a number.
    unsafe { host::call(__NR_ioctl, [fd.raw() as usize, request, &raw mut number as usize, 0, 0, 0])? };
    Ok(number)
}
