//! The limit of processor time (`RLIMIT_CPU` of `man 2 getrlimit`): a signal each second beyond the soft limit, and the
//! end at the hard limit.

use super::timers::CPU_LIMIT_CLOCK;
use crate::prelude::*;
use crate::process::{Process, RLIM_INFINITY, Resource};
use crate::signal::{self, SigInfo, Signal};
use core::time::Duration;
use frame::ocall::time::now;

/// Has a process's limit looked after, as it is set now. To be called whenever it is set.
pub fn watch(process: &Arc<Process>) {
    let [soft, hard] = process.limits.lock().get(Resource::Cpu);
    let seconds = Some(soft.min(hard)).filter(|&seconds| seconds != RLIM_INFINITY);
    if let Err(error) = process.timers.set_cpu_limit(process, seconds.map(Duration::from_secs)) {
        warn!("the limit of processor time is not kept: {error}");
    }
}

/// A process may have reached its limit.
pub(super) fn enforce(process: &Arc<Process>) {
    let used = now(CPU_LIMIT_CLOCK).as_secs();
    let signal = {
        let mut limits = process.limits.lock();
        let [soft, hard] = limits.get(Resource::Cpu);
        if used >= hard {
            Some(Signal::SIGKILL)
        } else if used >= soft {
            // As Linux has it, the limit itself moves.
            limits.set(Resource::Cpu, [soft + 1, hard]);
            Some(Signal::SIGXCPU)
        } else {
            None
        }
    };
    if let Some(signal) = signal {
        info!("process {} has used {used} seconds of processor time", process.pid());
        if let Err(error) = signal::send_to_process(process, signal, SigInfo::kernel(signal)) {
            warn!("{signal} is lost: {error}");
        }
    }
    if signal != Some(Signal::SIGKILL) {
        watch(process);
    }
}
