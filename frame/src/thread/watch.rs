//! A host thread without work looks after tasks whose host threads others use for longer than expected.

use super::block::{Role, ThreadBlock};
use super::handle::Handle;
use super::lend::{Lenders, OnMove};
use super::start::start;
use super::usage::take_usage;
use crate::host_process::HostProcess;
use crate::sync::Deadline;
use core::sync::atomic::Ordering;
use core::time::Duration;

/// How often the watcher looks.
const PERIOD: Duration = Duration::from_micros(150);
/// For how long a task waits for its host thread, at least: longer than small programs run, and short against what it costs
/// to start others.
pub(super) const PATIENCE: Duration = PERIOD.saturating_mul(2);
/// How often the watcher looks before it stops, if no task is there to be watched.
const LOOKS: u32 = 100;

/// Sees to it that free lenders are watched. Gives whether they are.
pub(super) fn begin(process: &HostProcess) -> bool {
    if process.lenders.is_watched.swap(true, Ordering::SeqCst) {
        return true;
    }
    let started = start(Role::Watcher, |_| {});
    if let Err(error) = &started {
        log::debug!("nobody watches the tasks that have lent their host threads: {error}");
        process.lenders.is_watched.store(false, Ordering::SeqCst);
    }
    started.is_ok()
}

/// Watches free lenders, until one goes on on the calling host thread. Gives whether one does.
pub(super) fn watch(block: &mut ThreadBlock) -> bool {
    let process = block.handle.process.clone();
    let lenders = &process.lenders;
    let waiter = block.handle.waiter.clone();
    let mut in_vain = 0;
    let mut before = 0;
    loop {
        let freed = lenders.freed();
        let _ = waiter.wait_uninterruptible(Some(Deadline::after(PERIOD)));
        // Free for two looks or more.
        if let Some(on_move) = lenders.take_overdue(before, block) {
            stop(&process);
            go_on(on_move, block);
            return true;
        }
        in_vain = if lenders.freed() == before { in_vain + 1 } else { 0 };
        before = freed;
        let has_no_use = in_vain >= LOOKS || process.is_ending.load(Ordering::SeqCst);
        if has_no_use && stop(&process) {
            return false;
        }
    }
}

/// The calling thread doesn't watch any more. If somebody is to be watched, another one does; gives whether that is so, or
/// nobody is.
fn stop(process: &HostProcess) -> bool {
    let lenders: &Lenders = &process.lenders;
    lenders.is_watched.store(false, Ordering::SeqCst);
    !lenders.has_free() || begin(process)
}

/// A lender that a host thread was started for goes on on the calling one. Gives whether there is one.
pub(super) fn carry(carrier: u64, block: &mut ThreadBlock) -> bool {
    let process = block.handle.process.clone();
    let Some(on_move) = process.lenders.take_leaving(carrier, block) else { return false };
    go_on(on_move, block);
    true
}

/// The lender that has taken over the host thread is on another one than it has lent.
fn go_on(on_move: OnMove, block: &mut ThreadBlock) {
    // What the host thread did until now is nobody's.
    take_usage();
    block.arrival = Some(on_move(Handle(block.handle.clone())));
}
