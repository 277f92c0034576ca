//! `membarrier`.

use crate::prelude::*;
use crate::syscalls::Context;
use crate::syscalls::args::Flags;
use frame::ocall::mem::{Barrier, barrier};

/// Commands of `linux/membarrier.h`.
mod command {
    pub(super) const QUERY: u32 = 0;
    pub(super) const GLOBAL: u32 = 1;
    pub(super) const GLOBAL_EXPEDITED: u32 = 1 << 1;
    pub(super) const REGISTER_GLOBAL_EXPEDITED: u32 = 1 << 2;
    pub(super) const PRIVATE_EXPEDITED: u32 = 1 << 3;
    pub(super) const REGISTER_PRIVATE_EXPEDITED: u32 = 1 << 4;
    pub(super) const SYNC_CORE: u32 = 1 << 5;
    pub(super) const REGISTER_SYNC_CORE: u32 = 1 << 6;
    pub(super) const GET_REGISTRATIONS: u32 = 1 << 9;
    pub(super) const ALL: u32 = GLOBAL
        | GLOBAL_EXPEDITED
        | REGISTER_GLOBAL_EXPEDITED
        | PRIVATE_EXPEDITED
        | REGISTER_PRIVATE_EXPEDITED
        | SYNC_CORE
        | REGISTER_SYNC_CORE
        | GET_REGISTRATIONS;
}

/// `membarrier(2)`.
pub fn membarrier(cx: Context<'_>, command: Flags, flags: Flags, _cpu: i32) -> Result<usize> {
    if flags.0 != 0 {
        bail!(EINVAL, "undefined flags");
    }
    let memory = cx.thread.process.memory();
    match command.0 {
        command::QUERY => return Ok(command::ALL as usize),
        command::GET_REGISTRATIONS => return Ok(memory.barriers() as usize),
        command::GLOBAL | command::GLOBAL_EXPEDITED => barrier(Barrier::Memory)?,
        command::REGISTER_GLOBAL_EXPEDITED | command::REGISTER_PRIVATE_EXPEDITED | command::REGISTER_SYNC_CORE => {
            memory.register_barrier(command.0);
        }
        command::PRIVATE_EXPEDITED | command::SYNC_CORE => {
            // The command to register is twice the other.
            if memory.barriers() & command.0 << 1 == 0 {
                bail!(EPERM, "the process has not registered for this barrier");
            }
            barrier(if command.0 == command::SYNC_CORE { Barrier::Code } else { Barrier::Memory })?;
        }
        _ => bail!(EINVAL, "unknown command"),
    }
    Ok(0)
}
