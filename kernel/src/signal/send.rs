//! From a sender to the queue of a thread or process.

use super::disposition::{ActionFlags, Response};
use super::queue::Queued;
use super::{Action, SigInfo, SigSet, Signal, ThreadSignals};
use crate::events::IoEvents;
use crate::prelude::*;
use crate::process::{Process, Resource, Thread, job, table};
use frame::sync::MutexGuard;

/// Sends a signal to one thread.
///
/// # Errors
/// `EAGAIN` when too many real-time signals are pending.
pub fn send_to_thread(thread: &Arc<Thread>, signal: Signal, info: SigInfo) -> Result<()> {
    let process = &thread.process;
    if is_evaded(process) {
        return Ok(());
    }
    cancel_opposites(process, signal);
    let result = queue_to_thread(thread, signal, info);
    let_go(process, signal);
    result
}

fn queue_to_thread(thread: &Arc<Thread>, signal: Signal, info: SigInfo) -> Result<()> {
    let process = &thread.process;
    let limit = || process.limits.lock().soft(Resource::PendingSignals);
    let ignored = is_ignored(process, signal);
    let wakes = {
        let mut signals = thread.signals.lock();
        // A blocked signal waits, since it may get a handler before it is unblocked.
        if ignored && !signals.mask.contains(signal) {
            return Ok(());
        }
        signals.queue.push(signal, info, limit)?;
        signals.wants(signal)
    };
    tell_files(&thread.process);
    if wakes {
        thread.interrupt();
    }
    Ok(())
}

/// Sends a signal to a process: a thread that doesn't block it takes it.
///
/// # Errors
/// As for [`send_to_thread`].
pub fn send_to_process(process: &Arc<Process>, signal: Signal, info: SigInfo) -> Result<()> {
    if is_evaded(process) {
        return Ok(());
    }
    cancel_opposites(process, signal);
    if !is_dropped(process, signal) {
        let limit = || process.limits.lock().soft(Resource::PendingSignals);
        process.signals.lock().push(signal, info, limit)?;
        wake_taker(process, signal);
    }
    let_go(process, signal);
    Ok(())
}

/// Whether a process takes no signals at all: the init process, and a zombie.
fn is_evaded(process: &Process) -> bool {
    process.pid() == table::INIT || process.zombie_status().is_some()
}

/// Stop signals and `SIGCONT` cancel each other as soon as they are sent, whether they are blocked, ignored or handled
/// (POSIX, 2.4.3).
fn cancel_opposites(process: &Process, signal: Signal) {
    if SigSet::STOPPING.contains(signal) {
        discard(process, SigSet::only(Signal::SIGCONT));
    } else if signal == Signal::SIGCONT {
        discard(process, SigSet::STOPPING);
    }
}

/// Lets a stopped process go on that a signal continues or kills. The signal is queued by then, so that nothing of the
/// program runs before it.
fn let_go(process: &Arc<Process>, signal: Signal) {
    match signal {
        Signal::SIGCONT => job::go_on(process),
        Signal::SIGKILL => job::release(process),
        _ => {}
    }
}

/// Forgets pending signals of a process and its threads.
pub(super) fn discard(process: &Process, signals: SigSet) {
    process.signals.lock().discard(signals);
    for thread in process.threads.lock().values() {
        thread.signals.lock().queue.discard(signals);
    }
}

/// Whether nothing but the end is left for a thread.
pub fn is_dying(thread: &Thread) -> bool {
    thread.must_end()
        || thread.signals.lock().queue.pending().contains(Signal::SIGKILL)
        || thread.process.signals.pending().contains(Signal::SIGKILL)
}

/// Whether a process's children vanish when they end, and nobody waits for them.
pub fn reaps_children(process: &Process) -> bool {
    let action = process.dispositions().lock().get(Signal::SIGCHLD);
    action.is_ignored() || action.flags().contains(ActionFlags::NOCLDWAIT)
}

/// Whether a process gets `SIGCHLD` when a child stops or goes on.
pub fn wants_stops_of_children(process: &Process) -> bool {
    let action = process.dispositions().lock().get(Signal::SIGCHLD);
    !action.is_ignored() && !action.flags().contains(ActionFlags::NOCLDSTOP)
}

/// What became of a POSIX timer's signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerSignal {
    /// It was sent, or is ignored.
    Sent,
    /// The one before it is still there, and stands for both.
    StillPending,
}

/// Sends the signal of a POSIX timer, whose id `info` carries, to a thread.
pub fn send_timer_to_thread(thread: &Arc<Thread>, signal: Signal, info: SigInfo) -> TimerSignal {
    let ignored = is_ignored(&thread.process, signal);
    let wakes = {
        let mut signals = thread.signals.lock();
        if thread.has_ended() || ignored && !signals.mask.contains(signal) {
            return TimerSignal::Sent;
        }
        if !signals.queue.push_timer(signal, info, info.timer_id()) {
            return TimerSignal::StillPending;
        }
        signals.wants(signal)
    };
    tell_files(&thread.process);
    if wakes {
        thread.interrupt();
    }
    TimerSignal::Sent
}

/// Sends the signal of a POSIX timer, whose id `info` carries, to a process.
pub fn send_timer_to_process(process: &Arc<Process>, signal: Signal, info: SigInfo) -> TimerSignal {
    if is_dropped(process, signal) {
        return TimerSignal::Sent;
    }
    if !process.signals.lock().push_timer(signal, info, info.timer_id()) {
        return TimerSignal::StillPending;
    }
    wake_taker(process, signal);
    TimerSignal::Sent
}

/// Sends the calling thread a signal for what it does, such as `SIGPIPE`.
pub fn raise(thread: &Arc<Thread>, signal: Signal) {
    if let Err(error) = send_to_thread(thread, signal, SigInfo::user(signal, super::info::SI_USER, thread)) {
        warn!("{signal} is lost: {error}");
    }
}

/// Signals the calling thread that nobody reads what it writes, if that is what `result` says; gives the result.
#[inline]
#[expect(clippy::manual_inspect, reason = "that would copy the result as a whole")]
pub fn raise_if_broken_pipe(thread: &Arc<Thread>, result: Result<usize>) -> Result<usize> {
    result.map_err(|error| {
        if error.errno() == Errno::EPIPE {
            raise(thread, Signal::SIGPIPE);
        }
        error
    })
}

/// Sends the calling thread a signal that it can't evade: one that it blocks or ignores kills it.
pub(super) fn force(thread: &Arc<Thread>, signal: Signal) {
    let is_blocked = {
        let mut signals = thread.signals.lock();
        let is_blocked = signals.mask.contains(signal);
        signals.mask = signals.mask.without(SigSet::only(signal));
        is_blocked
    };
    {
        let dispositions = thread.process.dispositions();
        let mut dispositions = dispositions.lock();
        if is_blocked || dispositions.get(signal).response(signal) == Response::Ignore {
            dispositions.set(signal, Action::default());
        }
    }
    if let Err(error) = send_to_thread(thread, signal, SigInfo::kernel(signal)) {
        warn!("{signal} is lost: {error}");
    }
}

/// Whether a signal would do nothing to a thread: it blocks it, or its process ignores it by choice.
pub fn is_evaded_by(thread: &Thread, signal: Signal) -> bool {
    thread.signals.lock().mask.contains(signal) || thread.process.dispositions().lock().get(signal).is_ignored()
}

fn is_ignored(process: &Process, signal: Signal) -> bool {
    process.dispositions().lock().get(signal).response(signal) == Response::Ignore
}

/// Whether a signal to a process is forgotten at once: it's ignored, and its first thread doesn't block it.
fn is_dropped(process: &Process, signal: Signal) -> bool {
    is_ignored(process, signal) && {
        let threads = process.threads.lock();
        threads.values().next().is_none_or(|thread| !thread.signals.lock().mask.contains(signal))
    }
}

/// Has a thread look after a signal that is pending for its process. To be called after the signal is queued: a thread
/// that blocks it meanwhile hands it on by [`retarget`].
fn wake_taker(process: &Process, signal: Signal) {
    tell_files(process);
    let takes = |thread: &&Arc<Thread>| !thread.has_ended() && thread.signals.lock().wants(signal);
    if let Some(taker) = process.threads.lock().values().find(takes) {
        taker.interrupt();
    }
}

/// Tells files that a process's signals are read from that one was sent.
fn tell_files(process: &Process) {
    process.signals.sent.broadcast(IoEvents::POLLIN);
}

/// What is pending for the process of a thread that ends, or blocks signals now, is for others that don't.
pub fn retarget(thread: &Thread) {
    let process = &thread.process;
    let pending = process.signals.pending();
    if pending.is_empty() {
        return;
    }
    let others: Vec<_> = process.threads.lock().values().filter(|other| other.tid() != thread.tid()).cloned().collect();
    for other in others {
        let wanted = other.signals.lock().wanted_of(pending);
        if !wanted.is_empty() {
            other.interrupt();
        }
    }
}

/// A thread's mask has changed: signals that it no longer blocks are delivered before the program goes on, and others take
/// what it blocks now.
pub(super) fn recheck(thread: &Thread, signals: MutexGuard<'_, ThreadSignals>) {
    let (mask, own) = (signals.mask, signals.queue.pending());
    drop(signals);
    let shared = thread.process.signals.pending();
    if !own.union(shared).without(mask).is_empty() {
        frame::thread::interrupt_self();
    }
    if !shared.intersection(mask).is_empty() {
        retarget(thread);
    }
}

/// Whether an interrupted wait must end: a signal is to be delivered, or the thread is to end or to stop. An interruption may also
/// come late for a signal that was taken without it, or by another thread.
pub fn is_wanted(thread: &Thread) -> bool {
    frame::thread::forget_wanted();
    let is_wanted = has_work(thread);
    if is_wanted {
        frame::thread::interrupt_self();
    }
    is_wanted
}

/// Whether a signal is to be delivered to a thread, or it's to end or to stop.
pub fn has_work(thread: &Thread) -> bool {
    let (mask, own) = {
        let signals = thread.signals.lock();
        (signals.mask, signals.queue.pending())
    };
    let pending = own.union(thread.process.signals.pending());
    thread.must_end() || thread.process.job.is_stopped() || !pending.without(mask).is_empty()
}

/// What there is for a thread on its way out.
pub(super) enum Next {
    /// A signal, and the number of [releases](crate::process::job::JobControl::releases) until it was taken.
    Signal(Signal, SigInfo, u32),
    /// Nothing that it doesn't block.
    Nothing {
        /// Whether a wait with a mask of its own is over.
        has_saved_mask: bool,
    },
}

/// Takes the first signal for a thread that it doesn't block.
pub(super) fn take_unblocked(thread: &Thread) -> Next {
    let job = &thread.process.job;
    let signals = thread.signals.lock();
    let pending = signals.queue.pending().union(thread.process.signals.pending()).without(signals.mask);
    if pending.intersection(SigSet::STOPPING).is_empty() {
        return next(thread, signals, SigSet::STOPPING, job.releases());
    }
    drop(signals);
    // No release comes between the two: a stop signal that was sent after one would be taken for one from before.
    job.with_releases(|releases| next(thread, thread.signals.lock(), SigSet::EMPTY, releases))
}

/// As [`take_unblocked`], but for signals to the process that are in `withheld`.
fn next(thread: &Thread, mut signals: MutexGuard<'_, ThreadSignals>, withheld: SigSet, releases: u32) -> Next {
    let (mask, has_saved_mask) = (signals.mask, signals.saved_mask.is_some());
    let own = signals.queue.pop(mask);
    drop(signals);
    match own.or_else(|| of_process(thread, mask.union(withheld))) {
        Some(queued) => {
            let (signal, info) = taken(thread, queued);
            Next::Signal(signal, info, releases)
        }
        None => Next::Nothing { has_saved_mask },
    }
}

/// Takes the first signal for a thread that isn't in `mask`.
pub(super) fn take(thread: &Thread, mask: SigSet) -> Option<(Signal, SigInfo)> {
    let own = thread.signals.lock().queue.pop(mask);
    Some(taken(thread, own.or_else(|| of_process(thread, mask))?))
}

fn of_process(thread: &Thread, mask: SigSet) -> Option<Queued> {
    let signals = &thread.process.signals;
    if signals.pending().without(mask).is_empty() { None } else { signals.lock().pop(mask) }
}

/// What a signal that was taken says, and does to its timer.
fn taken(thread: &Thread, queued: Queued) -> (Signal, SigInfo) {
    let process = &thread.process;
    let mut info = queued.info;
    if let Some(timer) = queued.timer {
        info = info.with_overrun(process.timers.signal_taken(process, timer));
    } else if queued.signal == Signal::SIGALRM {
        process.timers.alarm_taken(process);
    }
    (queued.signal, info)
}
