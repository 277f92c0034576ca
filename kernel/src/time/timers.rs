//! Timers that send signals.
//!
//! One thread of the LibOS serves all timers; it starts with the first one that is armed.

use crate::prelude::*;
use crate::process::Process;
use crate::signal::{self, SigInfo, Signal};
use core::time::Duration;
use frame::ocall::time::{Clock, now};
use frame::sync::{Deadline, Waiter};

/// A process's interval timer for real time (`ITIMER_REAL`, `alarm`).
#[derive(Debug, Default)]
pub struct ProcessTimers {
    real: Mutex<Option<Armed>>,
}

/// An armed timer.
#[derive(Clone, Copy, Debug)]
struct Armed {
    /// When it expires next, on the monotonic clock.
    expires: Duration,
    /// How often again; zero for once.
    interval: Duration,
    /// Which arming this is: the queue may still know older ones.
    generation: u64,
}

/// What the service waits for.
struct Queue {
    by_time: BTreeMap<(Duration, u64), Weak<Process>>,
    service: Option<Arc<Waiter>>,
    next_generation: u64,
}

static QUEUE: Mutex<Queue> = Mutex::new(Queue { by_time: BTreeMap::new(), service: None, next_generation: 1 });

impl ProcessTimers {
    /// Time left and interval of the real-time timer; zero if it isn't armed.
    pub fn real(&self) -> [Duration; 2] {
        match *self.real.lock() {
            Some(armed) => {
                let left = armed.expires.saturating_sub(now(Clock::Monotonic));
                // An armed timer never shows zero.
                [left.max(Duration::from_micros(1)), armed.interval]
            }
            None => [Duration::ZERO; 2],
        }
    }

    /// Arms the real-time timer of `process`, whose timers these are, or disarms it with a zero time. Gives what was
    /// left, and the interval.
    ///
    /// # Errors
    /// `EAGAIN` when the host gives no thread for the service.
    pub fn set_real(&self, process: &Arc<Process>, after: Duration, interval: Duration) -> Result<[Duration; 2]> {
        let old = self.real();
        if after.is_zero() {
            *self.real.lock() = None;
            return Ok(old);
        }
        let expires = now(Clock::Monotonic).saturating_add(after);
        let generation = enqueue(expires, Arc::downgrade(process))?;
        *self.real.lock() = Some(Armed { expires, interval, generation });
        Ok(old)
    }

    /// The timer that was armed as `generation` has expired: rearms it if it repeats. Gives whether it still counted.
    fn expired(&self, process: &Arc<Process>, generation: u64) -> bool {
        let mut real = self.real.lock();
        let Some(armed) = real.filter(|armed| armed.generation == generation) else {
            return false;
        };
        *real = None;
        if !armed.interval.is_zero() {
            // Periods that were missed are skipped, as their signals would be one.
            let mut expires = armed.expires.saturating_add(armed.interval);
            let present = now(Clock::Monotonic);
            if expires < present {
                expires = present.saturating_add(armed.interval);
            }
            if let Ok(generation) = enqueue(expires, Arc::downgrade(process)) {
                *real = Some(Armed { expires, generation, ..armed });
            }
        }
        true
    }
}

fn enqueue(expires: Duration, process: Weak<Process>) -> Result<u64> {
    let mut queue = QUEUE.lock();
    if queue.service.is_none() {
        let waiter = Arc::new(Waiter::default());
        let own = waiter.clone();
        frame::thread::spawn_service(move || serve(&own))?;
        queue.service = Some(waiter);
    }
    let generation = queue.next_generation;
    queue.next_generation += 1;
    queue.by_time.insert((expires, generation), process);
    let is_first = queue.by_time.first_key_value().is_some_and(|(&(_, first), _)| first == generation);
    let service = queue.service.clone().filter(|_| is_first);
    drop(queue);
    if let Some(service) = service {
        service.wake();
    }
    Ok(generation)
}

fn serve(waiter: &Waiter) {
    loop {
        let (due, next) = {
            let mut queue = QUEUE.lock();
            let present = now(Clock::Monotonic);
            let mut due = Vec::new();
            while let Some(entry) = queue.by_time.first_entry() {
                if entry.key().0 > present {
                    break;
                }
                let ((_, generation), process) = entry.remove_entry();
                due.push((generation, process));
            }
            (due, queue.by_time.first_key_value().map(|(&(expires, _), _)| expires))
        };
        for (generation, process) in due {
            let Some(process) = process.upgrade() else { continue };
            if process.timers.expired(&process, generation)
                && let Err(error) = signal::send_to_process(&process, Signal::SIGALRM, SigInfo::kernel(Signal::SIGALRM))
            {
                warn!("SIGALRM is lost: {error}");
            }
        }
        // Woken for an earlier timer, or the time has come: both are seen above.
        let _ = waiter.wait_uninterruptible(next.map(|next| Deadline::at(Clock::Monotonic, next)));
    }
}
