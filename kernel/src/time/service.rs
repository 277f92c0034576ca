//! The thread of the LibOS that waits for all timers, and for files of the host that signal.

use super::timers::TimerKey;
use crate::events::{IoEvents, host_signals};
use crate::prelude::*;
use crate::process::Process;
use core::time::Duration;
use frame::ocall::file::PollFd;
use frame::ocall::time::{Clock, now};
use frame::sync::{Deadline, Waiter};

/// When, on the monotonic clock, and a number that tells apart what is due at once.
pub(super) type Place = (Duration, u64);

/// What the service looks at.
enum Target {
    Process(Weak<Process>, TimerKey),
    File(Weak<dyn Due>),
}

/// What wants to be looked at when its time has come.
pub(super) trait Due: Send + Sync {
    /// The time of `place` has come.
    fn look_at(&self, place: Place);
}

/// What the service waits for.
struct Queue {
    by_time: BTreeMap<Place, Target>,
    is_started: bool,
    /// The service's thread, once it runs.
    service: Option<Arc<Waiter>>,
    next_number: u64,
}

static QUEUE: Mutex<Queue> =
    Mutex::new(Queue { by_time: BTreeMap::new(), is_started: false, service: None, next_number: 0 });

/// A place in the service's queue, given up when dropped.
#[derive(Debug)]
pub(super) struct Ticket(Place);

impl Ticket {
    /// When the service looks.
    pub(super) fn due(&self) -> Duration {
        self.0.0
    }

    /// Whether the service means this one.
    pub(super) fn is_at(&self, place: Place) -> bool {
        self.0 == place
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let gone = QUEUE.lock().by_time.remove(&self.0);
        // Nobody's lock is held where this may free a process's memory.
        drop(gone);
    }
}

/// Starts the service if it doesn't run yet.
///
/// # Errors
/// `EAGAIN` when the host gives no thread.
pub fn start() -> Result<()> {
    let mut queue = QUEUE.lock();
    if !queue.is_started {
        frame::thread::spawn_service(serve)?;
        queue.is_started = true;
    }
    Ok(())
}

/// There's something new for the service to wait for.
pub fn wake() {
    let service = QUEUE.lock().service.clone();
    if let Some(service) = service {
        service.wake();
    }
}

/// Has a timer looked at when `due`.
pub(super) fn enqueue(due: Duration, process: &Arc<Process>, timer: TimerKey) -> Ticket {
    enqueue_target(due, Target::Process(Arc::downgrade(process), timer))
}

/// Has a timer that is a file looked at when `due`.
pub(super) fn enqueue_file(due: Duration, file: Weak<dyn Due>) -> Ticket {
    enqueue_target(due, Target::File(file))
}

fn enqueue_target(due: Duration, target: Target) -> Ticket {
    let (place, service) = {
        let mut queue = QUEUE.lock();
        let place = (due, queue.next_number);
        queue.next_number += 1;
        queue.by_time.insert(place, target);
        let is_first = queue.by_time.first_key_value().is_some_and(|(first, _)| *first == place);
        (place, queue.service.clone().filter(|_| is_first))
    };
    if let Some(service) = service {
        service.wake();
    }
    Ticket(place)
}

fn serve() {
    // Its thread's own: the handler of a signal from outside wakes that one.
    let waiter = Waiter::current();
    QUEUE.lock().service = Some(waiter.clone());
    loop {
        let (due, next) = take_due(now(Clock::Monotonic));
        for (place, target) in due {
            match target {
                Target::Process(process, timer) => {
                    if let Some(process) = process.upgrade().filter(|process| !process.is_ending()) {
                        process.timers.look_at(&process, timer, place);
                    }
                }
                Target::File(file) => {
                    if let Some(file) = file.upgrade() {
                        file.look_at(place);
                    }
                }
            }
        }
        sleep(&waiter, next.map(|next| Deadline::at(Clock::Monotonic, next)));
    }
}

/// Until the time has come, or somebody woke the service for an earlier timer: both are seen after it.
fn sleep(waiter: &Waiter, deadline: Option<Deadline>) {
    match host_signals::fd() {
        None => {
            let _ = waiter.wait_uninterruptible(deadline);
        }
        Some(fd) => {
            let mut fds = [PollFd::new(fd, IoEvents::POLLIN.bits() as i16)];
            let _ = waiter.wait_for_files(&mut fds, deadline);
            host_signals::tell_all();
        }
    }
    // The host may have chosen this thread for a signal from outside.
    frame::thread::forget_wanted();
}

/// Takes out what is due; also gives when the next one is.
fn take_due(present: Duration) -> (Vec<(Place, Target)>, Option<Duration>) {
    let mut queue = QUEUE.lock();
    let mut due = Vec::new();
    while let Some(entry) = queue.by_time.first_entry().filter(|entry| entry.key().0 <= present) {
        due.push(entry.remove_entry());
    }
    (due, queue.by_time.first_key_value().map(|(&(next, _), _)| next))
}
