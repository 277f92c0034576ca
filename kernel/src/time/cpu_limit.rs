//! The limit of processor time (`RLIMIT_CPU` of `man 2 getrlimit`): a signal each second beyond the soft limit, and the
//! end at the hard limit.

use crate::prelude::*;
use crate::process::{Process, RLIM_INFINITY, Resource};
use crate::signal::{self, SigInfo, Signal};
use core::time::Duration;

/// How soon a process is looked at again.
const SOONEST: Duration = Duration::from_millis(5);

/// Has a process's limit looked after, as it is set now. To be called whenever it is set or inherited.
pub fn watch(process: &Arc<Process>) {
    let [soft, hard] = process.limits.lock().get(Resource::Cpu);
    // All of its threads can run at once, so that the time may be up so soon.
    let after = Some(soft.min(hard)).filter(|&seconds| seconds != RLIM_INFINITY).map(|seconds| {
        let threads = u32::try_from(process.threads.lock().len().max(1)).unwrap_or(u32::MAX);
        (Duration::from_secs(seconds).saturating_sub(process.cpu_time()) / threads).max(SOONEST)
    });
    if let Err(error) = process.timers.set_cpu_limit(process, after) {
        warn!("the limit of processor time is not kept: {error}");
    }
}

/// A process may have reached its limit.
pub(super) fn enforce(process: &Arc<Process>) {
    let used = process.cpu_time().as_secs();
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
