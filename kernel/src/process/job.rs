//! Stopped processes (`man 7 signal`, "Default action: Stop").
//!
//! A stop signal stops a process as a whole: each of its threads waits, on its way out of the LibOS, until `SIGCONT`
//! comes or the process is killed. The process counts as stopped when all of its threads wait.

use super::exit::wait_killable;
use super::process::Process;
use super::table;
use super::thread::Thread;
use super::wait::Change;
use crate::prelude::*;
use crate::signal::{self, SigInfo, Signal};
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use frame::sync::WaitQueue;

/// How many processes are stopped: mostly none, and then nobody needs to look for them.
static STOPPED: AtomicUsize = AtomicUsize::new(0);

/// Whether a process is stopped, and what its parent hasn't been told of by `wait`.
#[derive(Debug, Default)]
pub struct JobControl {
    /// Held while the parent is told, so that it learns of stops and continuations in the order in which they happen.
    telling: Mutex<Telling>,
    state: Mutex<State>,
    continued: WaitQueue,
    /// How often the process was continued or killed.
    releases: AtomicU32,
}

#[derive(Debug, Default)]
struct Telling;

#[derive(Debug, Default)]
struct State {
    /// The signal that stops the process.
    stopped_by: Option<Signal>,
    /// How many threads wait. Some may do so since an earlier stop.
    waiting: usize,
    /// All do, and the parent was told.
    is_complete: bool,
    /// What `wait` has to tell still.
    unwaited: Option<Change>,
}

impl State {
    fn stop(&mut self, signal: Signal) {
        self.stopped_by = Some(signal);
        STOPPED.fetch_add(1, Ordering::SeqCst);
    }

    fn go_on(&mut self) {
        if self.stopped_by.take().is_some() {
            STOPPED.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// Whether any process is stopped.
pub(super) fn is_any_stopped() -> bool {
    STOPPED.load(Ordering::SeqCst) != 0
}

impl JobControl {
    /// How often the process was continued or killed until now: a stop signal that was taken before counts no more.
    pub fn releases(&self) -> u32 {
        self.releases.load(Ordering::SeqCst)
    }

    /// Does `work`, which takes a signal, with the number of releases until then.
    pub fn with_releases<R>(&self, work: impl FnOnce(u32) -> R) -> R {
        let _state = self.state.lock();
        work(self.releases())
    }

    /// Whether it is stopped, or about to be.
    pub fn is_stopped(&self) -> bool {
        is_any_stopped() && self.state.lock().stopped_by.is_some()
    }

    /// What `wait` has to tell, if it is one of these; `take` decides whether it's told again.
    pub(super) fn unwaited(&self, wants: impl Fn(Change) -> bool, take: Take) -> Option<Change> {
        let mut state = self.state.lock();
        let change = state.unwaited.filter(|&change| wants(change))?;
        if take == Take::Consume {
            state.unwaited = None;
        }
        Some(change)
    }
}

/// Whether a look at a change uses it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Take {
    /// Yes.
    Consume,
    /// No (`WNOWAIT`).
    Leave,
}

/// A stop signal's default action: stops the process of the calling thread and waits until it is continued. `releases`
/// is the [number](JobControl::releases) before the signal was taken.
pub fn stop(thread: &Arc<Thread>, signal: Signal, releases: u32) {
    let process = &thread.process;
    {
        let mut state = process.job.state.lock();
        if process.job.releases() != releases || process.is_ending() {
            return;
        }
        if state.stopped_by.is_none() {
            info!("process {} is stopped by {signal}", process.pid());
            state.stop(signal);
        }
    }
    for other in process.threads.lock().values().filter(|other| !Arc::ptr_eq(other, thread)) {
        other.interrupt();
    }
    wait_while_stopped(thread);
}

/// Waits while the process of the calling thread is stopped.
pub fn wait_while_stopped(thread: &Arc<Thread>) {
    let process = &thread.process;
    if !process.job.is_stopped() {
        return;
    }
    process.job.state.lock().waiting += 1;
    complete_stop(process);
    wait_killable(thread, &process.job.continued, || !process.job.is_stopped());
    {
        let mut state = process.job.state.lock();
        state.waiting = state.waiting.saturating_sub(1);
    }
    // What came meanwhile is delivered now.
    frame::thread::interrupt_self();
}

/// A thread waits or has ended: if that was the last one, the process is stopped and its parent is told.
pub(super) fn complete_stop(process: &Arc<Process>) {
    {
        let _telling = process.job.telling.lock();
        let threads = process.threads.lock().len();
        let change = {
            let mut state = process.job.state.lock();
            let Some(signal) = state.stopped_by else { return };
            if state.is_complete || state.waiting < threads || threads == 0 {
                return;
            }
            state.is_complete = true;
            let change = Change::Stopped(signal);
            state.unwaited = Some(change);
            change
        };
        tell_parent(process, change);
    }
    if table::is_first(process) {
        super::outside::first_has_stopped();
    }
}

/// `SIGCONT` was sent: a stopped process goes on. Its parent is told first, so that this comes before the news of its end.
pub fn go_on(process: &Arc<Process>) {
    let telling = process.job.telling.lock();
    let change = {
        let mut state = process.job.state.lock();
        process.job.releases.fetch_add(1, Ordering::SeqCst);
        let Some(signal) = state.stopped_by else { return };
        // A stop that wasn't complete is told of in the signal, and the continuation by `wait`, as Linux does it.
        state.unwaited = Some(Change::Continued);
        if core::mem::take(&mut state.is_complete) { Change::Continued } else { Change::Stopped(signal) }
    };
    info!("process {} is continued", process.pid());
    tell_parent(process, change);
    process.job.state.lock().go_on();
    drop(telling);
    process.job.continued.wake_all();
}

/// The process is killed: stopped threads end.
pub fn release(process: &Process) {
    {
        let mut state = process.job.state.lock();
        process.job.releases.fetch_add(1, Ordering::SeqCst);
        state.go_on();
    }
    process.job.continued.wake_all();
}

fn tell_parent(process: &Arc<Process>, change: Change) {
    let Some(parent) = table::find(process.ppid()) else { return };
    if signal::wants_stops_of_children(&parent) {
        let info = SigInfo::child(Signal::SIGCHLD, process, change);
        if let Err(error) = signal::send_to_process(&parent, Signal::SIGCHLD, info) {
            warn!("SIGCHLD to process {} is lost: {error}", parent.pid());
        }
    }
    parent.child_changed.wake_all();
}
