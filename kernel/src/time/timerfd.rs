//! Timers that are files (`man 2 timerfd_create`).

use super::clock::ProgramClock;
use super::service::{self, Due, Place, Ticket};
use super::timers::{When, periods};
use crate::events::{Anonymous, Blocking, IoEvents, Notifier, anonymous_file};
use crate::fs::{File, StatusFlags};
use crate::prelude::*;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use frame::ocall::time::{Clock, now};
use frame::sync::{Deadline, WaitError, WaitQueue};

/// A timer that is a file. An expiry is seen by whoever looks at the clock; the timers' service looks for those that
/// wait for the notifier.
pub(super) struct TimerFile {
    this: Weak<Self>,
    clock: Clock,
    state: Mutex<State>,
    readers: WaitQueue,
    notifier: Notifier,
    /// Somebody has asked for the notifier, so the service has to look.
    is_observed: AtomicBool,
    anonymous: Anonymous,
}

#[derive(Default)]
struct State {
    armed: Option<Armed>,
    /// Expiries that weren't read.
    ticks: u64,
    /// How far the date is ahead of the monotonic clock, for a timer that a change of the date cancels.
    date: Option<Duration>,
    /// Counts settings, for those that wait.
    settings: u64,
}

struct Armed {
    /// What it's measured by: changes of the date don't count for a time from now on.
    clock: Clock,
    expires: Duration,
    interval: Duration,
    ticket: Option<Ticket>,
}

/// Whether a change of the date ends a wait (`TFD_TIMER_CANCEL_ON_SET`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnSet {
    Cancel,
    GoOn,
}

/// How often the service looks whether the host's date was changed.
const LOOK_AT_DATE: Duration = Duration::from_millis(500);

impl TimerFile {
    pub(super) fn new(clock: Clock, status: StatusFlags) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            clock,
            state: Mutex::default(),
            readers: WaitQueue::new(),
            notifier: Notifier::new(),
            is_observed: AtomicBool::new(false),
            anonymous: Anonymous::new(status | StatusFlags::O_RDWR),
        })
    }

    /// Arms the timer, or disarms it with a zero time. Gives what was left, and the interval.
    ///
    /// # Errors
    /// `EAGAIN` when the host gives no thread for the service.
    pub(super) fn set(&self, when: When, interval: Duration, on_set: OnSet) -> Result<[Duration; 2]> {
        let mut state = self.state.lock();
        state.advance();
        let old = state.left();
        state.armed = None;
        state.ticks = 0;
        state.settings += 1;
        state.date = (on_set == OnSet::Cancel).then(date_ahead);
        state.armed = match when {
            When::After(after) | When::At(after) if after.is_zero() => None,
            When::At(expires) => Some(Armed { clock: self.clock, expires, interval, ticket: None }),
            When::After(after) => {
                let clock = match self.clock {
                    Clock::Boottime | Clock::BoottimeAlarm => Clock::Boottime,
                    _ => Clock::Monotonic,
                };
                Some(Armed { clock, expires: now(clock).saturating_add(after), interval, ticket: None })
            }
        };
        let ticket = self.enqueue_if_observed(&mut state);
        drop(state);
        self.readers.wake_all();
        ticket.map(|()| old)
    }

    /// Whether it follows the date.
    pub(super) fn is_of_the_date(&self) -> bool {
        matches!(self.clock, Clock::Realtime | Clock::RealtimeAlarm)
    }

    /// Time left and interval; zero if it isn't armed.
    pub(super) fn get(&self) -> [Duration; 2] {
        let mut state = self.state.lock();
        state.advance();
        let _ = self.enqueue_if_observed(&mut state);
        state.left()
    }

    /// Takes the expiries that weren't read, or learns that the date was changed.
    fn try_take(&self) -> Option<Result<u64>> {
        let mut state = self.state.lock();
        if state.was_date_changed() {
            state.date = Some(date_ahead());
            return Some(Err(err!(ECANCELED, "the date was changed")));
        }
        state.advance();
        let ticks = core::mem::take(&mut state.ticks);
        if ticks == 0 {
            return None;
        }
        if let Err(error) = self.enqueue_if_observed(&mut state) {
            warn!("a timer's expiry will be missed: {error}");
        }
        Some(Ok(ticks))
    }

    fn enqueue_if_observed(&self, state: &mut State) -> Result<()> {
        if !self.is_observed.load(Ordering::SeqCst) {
            return Ok(());
        }
        let is_cancelled_on_set = state.date.is_some();
        let is_pending = state.ticks > 0;
        let Some(armed) = state.armed.as_mut().filter(|_| !is_pending) else { return Ok(()) };
        service::start()?;
        let clock = ProgramClock::Host(armed.clock);
        let Some(mut due) = clock.look_again(armed.expires, 1) else { return Ok(()) };
        if is_cancelled_on_set {
            due = due.min(now(Clock::Monotonic) + LOOK_AT_DATE);
        }
        let target: Weak<Self> = self.this.clone();
        armed.ticket = Some(service::enqueue_file(due, target));
        Ok(())
    }
}

impl State {
    /// Counts what has expired. A timer that repeats goes on from the next time.
    fn advance(&mut self) {
        let Some(armed) = &mut self.armed else { return };
        let Some(late) = now(armed.clock).checked_sub(armed.expires) else { return };
        if armed.interval.is_zero() {
            self.ticks += 1;
            self.armed = None;
            return;
        }
        let (count, passed) = periods(late, armed.interval);
        self.ticks = self.ticks.saturating_add(count);
        armed.expires = armed.expires.saturating_add(passed);
    }

    fn left(&self) -> [Duration; 2] {
        self.armed
            .as_ref()
            .map_or([Duration::ZERO; 2], |armed| [armed.expires.saturating_sub(now(armed.clock)), armed.interval])
    }

    fn has_expired(&self) -> bool {
        self.ticks > 0 || self.armed.as_ref().is_some_and(|armed| now(armed.clock) >= armed.expires)
    }

    fn was_date_changed(&self) -> bool {
        /// Changes below are what looking at two clocks one after the other makes.
        const LEAST: Duration = Duration::from_millis(1);
        self.date.is_some_and(|date| date.abs_diff(date_ahead()) > LEAST)
    }
}

/// How far the date is ahead of the monotonic clock: the same until somebody sets the date.
fn date_ahead() -> Duration {
    const TRIES: usize = 5;
    const SOON: Duration = Duration::from_micros(100);
    let mut ahead = Duration::ZERO;
    for _ in 0..TRIES {
        let before = now(Clock::Monotonic);
        let date = now(Clock::Realtime);
        ahead = date.saturating_sub(before);
        if now(Clock::Monotonic).saturating_sub(before) < SOON {
            break;
        }
    }
    ahead
}

impl Due for TimerFile {
    fn look_at(&self, place: Place) {
        let is_ready = {
            let mut state = self.state.lock();
            if !state.armed.as_ref().is_some_and(|armed| armed.ticket.as_ref().is_some_and(|at| at.is_at(place))) {
                return;
            }
            let is_ready = state.has_expired() || state.was_date_changed();
            if !is_ready && let Err(error) = self.enqueue_if_observed(&mut state) {
                warn!("a timer's expiry will be missed: {error}");
            }
            is_ready
        };
        if is_ready {
            self.readers.wake_all();
            self.notifier.broadcast(IoEvents::POLLIN);
        }
    }
}

impl File for TimerFile {
    anonymous_file!("[timerfd]");

    fn read(&self, sink: &mut Sink<'_>) -> Result<usize> {
        if sink.remaining() < size_of::<u64>() {
            bail!(EINVAL, "less than eight bytes");
        }
        let ticks = loop {
            if let Some(ticks) = self.try_take() {
                break ticks?;
            }
            if self.anonymous.blocking() == Blocking::DontWait {
                bail!(EAGAIN, "the timer hasn't expired");
            }
            let (deadline, settings) = {
                let state = self.state.lock();
                (state.armed.as_ref().map(|armed| Deadline::at(armed.clock, armed.expires)), state.settings)
            };
            // It may be set anew meanwhile.
            let changed = || {
                let state = self.state.lock();
                (state.settings != settings || state.has_expired() || state.was_date_changed()).then_some(())
            };
            if self.readers.wait_until(deadline, changed) == Err(WaitError::Interrupted) {
                return Err(Errno::ERESTARTSYS.into());
            }
        };
        sink.put(&ticks.to_ne_bytes())
    }

    fn write(&self, _source: &mut Source<'_>) -> Result<usize> {
        Err(err!(EINVAL, "a timer can't be written"))
    }

    fn poll(&self) -> IoEvents {
        let state = self.state.lock();
        IoEvents::POLLIN.when(state.has_expired() || state.was_date_changed())
    }

    fn notifier(&self) -> Option<&Notifier> {
        if !self.is_observed.load(Ordering::Relaxed)
            && !self.is_observed.swap(true, Ordering::SeqCst)
            && let Err(error) = self.enqueue_if_observed(&mut self.state.lock())
        {
            warn!("a timer's expiry will be missed: {error}");
        }
        Some(&self.notifier)
    }
}
