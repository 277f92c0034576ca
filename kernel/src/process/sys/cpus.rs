//! System calls about processors (`man 2 sched_setaffinity`, `man 2 getcpu`).

use super::sched::{check_capabilities, check_owner, handle, target};
use crate::prelude::*;
use crate::process::Thread;
use crate::syscalls::Context;
use frame::ocall::thread as host;
use frame::ocall::thread::MAX_CPU_MASK;

/// The thread of this id; here a negative one is merely nobody's.
fn anyone(caller: &Arc<Thread>, tid: i32) -> Result<Arc<Thread>> {
    if tid < 0 { Err(err!(ESRCH, "no such thread")) } else { target(caller, tid) }
}

/// `sched_setaffinity(2)`.
pub fn sched_setaffinity(cx: Context<'_>, tid: i32, len: u32, mask: UserPtr<u8>) -> Result<usize> {
    let mask = mask.slice((len as usize).min(MAX_CPU_MASK))?.to_vec()?;
    let thread = anyone(cx.thread, tid)?;
    check_owner(cx.thread, &thread)?;
    check_capabilities(cx.thread, &thread)?;
    handle(&thread)?.set_affinity(&mask)?;
    Ok(0)
}

/// `sched_getaffinity(2)`.
pub fn sched_getaffinity(cx: Context<'_>, tid: i32, len: u32, mask: UserPtr<u8>) -> Result<usize> {
    const WORD: u32 = size_of::<u64>() as u32;
    if len & (WORD - 1) != 0 {
        bail!(EINVAL, "the length is no multiple of a word's");
    }
    let thread = anyone(cx.thread, tid)?;
    let mut bytes = vec![0; (len as usize).min(MAX_CPU_MASK)];
    let filled = handle(&thread)?.affinity(&mut bytes)?;
    mask.write_array(&bytes[..filled])?;
    Ok(filled)
}

/// `getcpu(2)`.
pub fn getcpu(_cx: Context<'_>, cpu: UserPtr<u32>, node: UserPtr<u32>, _cache: u64) -> Result<usize> {
    let (current_cpu, current_node) = host::cpu_and_node();
    cpu.write_if_some(&current_cpu)?;
    node.write_if_some(&current_node)?;
    Ok(0)
}
