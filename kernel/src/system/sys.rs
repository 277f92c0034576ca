//! System calls about the system as a whole.

use super::names;
use crate::prelude::*;
use crate::process::{cap, table};
use crate::syscalls::Context;
use crate::syscalls::args::Flags;
use frame::ocall::process::{SysInfo, random, system_info};

/// `uname(2)`.
pub fn uname(_cx: Context<'_>, buf: UserPtr<[u8; 390]>) -> Result<usize> {
    buf.cast().write(&names::all())?;
    Ok(0)
}

/// Reads a name that shall be set.
fn read_name(cx: &Context<'_>, name: UserPtr<u8>, len: i32) -> Result<Vec<u8>> {
    if !cx.thread.credentials().has_cap(cap::SYS_ADMIN) {
        bail!(EPERM, "only CAP_SYS_ADMIN names the system");
    }
    let len = usize::try_from(len).ok().filter(|&len| len < names::FIELD);
    name.slice(len.ok_or(err!(EINVAL, "the name is longer than 64 bytes"))?)?.to_vec()
}

/// `sethostname(2)`.
pub fn sethostname(cx: Context<'_>, name: UserPtr<u8>, len: i32) -> Result<usize> {
    names::set_host_name(&read_name(&cx, name, len)?);
    Ok(0)
}

/// `setdomainname(2)`.
pub fn setdomainname(cx: Context<'_>, name: UserPtr<u8>, len: i32) -> Result<usize> {
    names::set_domain_name(&read_name(&cx, name, len)?);
    Ok(0)
}

/// `sysinfo(2)`: the host's, less where the memory is limited.
pub fn sysinfo(_cx: Context<'_>, info: UserPtr<SysInfo>) -> Result<usize> {
    let mut host = system_info();
    host.procs = u16::try_from(table::all().iter().map(|process| process.threads.lock().len()).sum::<usize>())
        .unwrap_or(u16::MAX);
    if let Some(limit) = crate::mm::limit() {
        let unit = u64::from(host.mem_unit.max(1));
        let [used, _] = crate::mm::charged();
        let used = (used + frame::arena::pages_in_use()) as u64;
        host.totalram = host.totalram.min(limit as u64 / unit);
        host.freeram = host.freeram.min((limit as u64).saturating_sub(used) / unit);
        (host.totalswap, host.freeswap) = (0, 0);
    }
    info.write(&host)?;
    Ok(0)
}

/// `getrandom(2)`.
pub fn getrandom(_cx: Context<'_>, buf: UserPtr<u8>, len: usize, flags: Flags) -> Result<usize> {
    const NONBLOCK: u32 = 1;
    const RANDOM: u32 = 2;
    const INSECURE: u32 = 4;
    /// The most that Linux gives at once.
    const MAX: usize = 0x7fff_f000;
    const CHUNK: usize = 1024;
    if flags.0 & !(NONBLOCK | RANDOM | INSECURE) != 0 || flags.0 & (RANDOM | INSECURE) == RANDOM | INSECURE {
        bail!(EINVAL, "undefined or contradictory flags");
    }
    let slice = buf.slice(len.min(MAX))?;
    let mut bytes = [0; CHUNK];
    let mut done = 0;
    while done < slice.len() {
        let chunk = &mut bytes[..CHUNK.min(slice.len() - done)];
        random(chunk)?;
        match Sink::user(slice.skip(done)).put(chunk) {
            Ok(count) => done += count,
            Err(error) if done == 0 => return Err(error),
            Err(_) => break,
        }
        if done < slice.len() && frame::thread::is_wanted() {
            break;
        }
    }
    Ok(done)
}

/// `syslog(2)`: the host's kernel log is nobody's here.
pub fn syslog(_cx: Context<'_>, _operation: i32, _buf: UserPtr<u8>, _len: i32) -> Result<usize> {
    Err(err!(EPERM, "programs don't see the host's kernel log"))
}
