//! What the calling thread's task has used of its host thread.

use super::current::{current, current_block_mut};
use crate::ocall;
use crate::ocall::process::{Rusage, UsageOf};
use core::time::Duration;

/// What the calling thread's task has used since it started or since this was last called.
pub fn take_usage() -> Rusage {
    let now = ocall::process::usage(UsageOf::Thread);
    match current_block_mut() {
        Some(block) => now.since(&core::mem::replace(&mut block.usage_base, now)),
        None => now,
    }
}

/// What the calling thread's task has used since it started.
pub fn usage() -> Rusage {
    let now = ocall::process::usage(UsageOf::Thread);
    match current() {
        Some(block) => now.since(&block.usage_base),
        None => now,
    }
}

/// The processor time that the calling thread's task has used.
pub fn cpu_time() -> Duration {
    let base = current().map_or(Duration::ZERO, |block| block.usage_base.cpu_time());
    ocall::time::now(ocall::time::Clock::ThreadCpu).saturating_sub(base)
}
