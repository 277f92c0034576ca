//! From a sender to the queue of a thread or process.

use super::disposition::Response;
use super::{SigInfo, SigSet, Signal};
use crate::prelude::*;
use crate::process::{Process, Resource, Thread, table};

/// Sends a signal to one thread.
///
/// # Errors
/// `EAGAIN` when too many real-time signals are pending.
pub fn send_to_thread(thread: &Arc<Thread>, signal: Signal, info: SigInfo) -> Result<()> {
    let process = &thread.process;
    let limit = process.limits.lock().soft(Resource::PendingSignals);
    let ignored = is_ignored(process, signal);
    let wakes = {
        let mut signals = thread.signals.lock();
        let is_blocked = signals.mask.contains(signal);
        // A blocked signal waits, since it may get a handler before it is unblocked.
        if ignored && !is_blocked {
            return Ok(());
        }
        signals.queue.push(signal, info, limit)?;
        !is_blocked
    };
    if wakes {
        thread.interrupt();
    } else {
        wake_waiters(process);
    }
    Ok(())
}

/// Sends a signal to a process: a thread that doesn't block it takes it.
///
/// # Errors
/// As for [`send_to_thread`].
pub fn send_to_process(process: &Arc<Process>, signal: Signal, info: SigInfo) -> Result<()> {
    let limit = process.limits.lock().soft(Resource::PendingSignals);
    let threads: Vec<_> = process.threads.lock().values().cloned().collect();
    let taker = threads.iter().find(|thread| !thread.signals.lock().mask.contains(signal));
    if is_ignored(process, signal) && taker.is_some() {
        return Ok(());
    }
    process.signals.lock().push(signal, info, limit)?;
    match taker {
        Some(thread) => thread.interrupt(),
        None => wake_waiters(process),
    }
    Ok(())
}

/// Sends the calling thread a signal for what it does, such as `SIGPIPE`.
pub fn raise(thread: &Arc<Thread>, signal: Signal) {
    if let Err(error) = send_to_thread(thread, signal, SigInfo::user(signal, super::info::SI_USER, thread)) {
        warn!("{signal} is lost: {error}");
    }
}

/// A signal came from outside: it's for the first process.
pub fn from_host(number: i32) {
    if let (Ok(signal), Some(process)) = (Signal::new(number as u64), table::first()) {
        info!("{signal} came from the host");
        if let Err(error) = send_to_process(&process, signal, SigInfo::outside(signal)) {
            warn!("{signal} from the host is lost: {error}");
        }
    }
}

fn is_ignored(process: &Process, signal: Signal) -> bool {
    process.dispositions.lock().get(signal).response(signal) == Response::Ignore
}

/// Threads may wait for blocked signals (`sigwait`).
fn wake_waiters(process: &Process) {
    let threads: Vec<_> = process.threads.lock().values().cloned().collect();
    for thread in threads {
        if let Some(handle) = thread.handle() {
            handle.waiter().wake();
        }
    }
}

/// Takes the first signal for a thread that isn't in `mask`.
pub(super) fn take(thread: &Thread, mask: SigSet) -> Option<(Signal, SigInfo)> {
    let own = thread.signals.lock().queue.pop(mask);
    own.or_else(|| thread.process.signals.lock().pop(mask))
}
