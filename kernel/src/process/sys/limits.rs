//! System calls about resource limits (`man 2 getrlimit`).

use crate::prelude::*;
use crate::process::{Process, Resource, Thread, cap, may_limit, table};
use crate::syscalls::Context;
use crate::time;

/// `struct rlimit64`: soft and hard limit.
pub type Rlimit = [u64; 2];

/// The most open files that a process may ask for (`fs.nr_open`).
const NR_OPEN: u64 = 1 << 20;

/// `prlimit64(2)`.
pub fn prlimit64(
    cx: Context<'_>,
    pid: i32,
    resource: u32,
    new: UserPtr<Rlimit>,
    old: UserPtr<Rlimit>,
) -> Result<usize> {
    let wanted = new.non_null().map(UserPtr::read).transpose()?;
    let process = target(cx.thread, pid)?;
    let resource = Resource::from_raw(resource).ok_or(err!(EINVAL, "no such resource"))?;
    let before = match wanted {
        Some(wanted) => set(cx.thread, &process, resource, wanted)?,
        None => process.limits.lock().get(resource),
    };
    old.write_if_some(&before)?;
    Ok(0)
}

/// `getrlimit(2)`.
pub fn getrlimit(cx: Context<'_>, resource: u32, limit: UserPtr<Rlimit>) -> Result<usize> {
    let resource = Resource::from_raw(resource).ok_or(err!(EINVAL, "no such resource"))?;
    let current = cx.thread.process.limits.lock().get(resource);
    limit.write(&current)?;
    Ok(0)
}

/// `setrlimit(2)`.
pub fn setrlimit(cx: Context<'_>, resource: u32, limit: UserPtr<Rlimit>) -> Result<usize> {
    let wanted = limit.read()?;
    let resource = Resource::from_raw(resource).ok_or(err!(EINVAL, "no such resource"))?;
    set(cx.thread, &cx.thread.process, resource, wanted)?;
    Ok(0)
}

/// The process whose limits are asked for.
fn target(caller: &Arc<Thread>, pid: i32) -> Result<Arc<Process>> {
    if pid == 0 {
        return Ok(caller.process.clone());
    }
    let thread = u32::try_from(pid).ok().and_then(table::find_thread).ok_or(err!(ESRCH, "no such process"))?;
    may_limit(caller, &thread)?;
    Ok(thread.process.clone())
}

/// Sets soft and hard limit; gives those before.
fn set(caller: &Thread, process: &Arc<Process>, resource: Resource, wanted: Rlimit) -> Result<Rlimit> {
    let [soft, hard] = wanted;
    if soft > hard {
        bail!(EINVAL, "the soft limit is above the hard limit");
    }
    if resource == Resource::OpenFiles && hard > NR_OPEN {
        bail!(EPERM, "more open files than a process can have");
    }
    let may_raise = caller.credentials().has_cap(cap::SYS_RESOURCE);
    let mut limits = process.limits.lock();
    let before = limits.get(resource);
    if hard > before[1] && !may_raise {
        bail!(EPERM, "only CAP_SYS_RESOURCE raises a hard limit");
    }
    // A limit of no processor time at all is one second, as in Linux.
    let soft = if resource == Resource::Cpu { soft.max(1) } else { soft };
    limits.set(resource, [soft, hard]);
    drop(limits);
    match resource {
        Resource::Cpu => time::cpu_limit::watch(process),
        Resource::RealtimeCpu => warn!("RLIMIT_RTTIME is kept, but not enforced"),
        _ => {}
    }
    Ok(before)
}
