//! Timers that send signals: interval timers (`man 2 setitimer`) and POSIX timers (`man 2 timer_create`).
//!
//! Each process owns its [`ProcessTimers`]; one service thread waits for the timers of all. Lock order: a process's
//! timers, then its threads or the service's queue; signals are sent with none of these held.

use super::clock::ProgramClock;
use super::cpu_limit;
use super::service::{self, Ticket};
use crate::prelude::*;
use crate::process::{Process, Resource, Thread};
use crate::signal::{self, SigInfo, Signal};
use core::time::Duration;
use frame::ocall::time::{Clock, now};

/// The timers of a process.
#[derive(Default)]
pub struct ProcessTimers {
    inner: Mutex<Timers>,
}

#[derive(Default)]
struct Timers {
    by_key: BTreeMap<TimerKey, Timer>,
    /// The id after the one that was given last; Linux counts on, too.
    next_id: i32,
}

/// Which timer of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TimerKey {
    /// One of `setitimer`.
    Interval(IntervalKind),
    /// One of `timer_create`.
    Posix(i32),
    /// That of the limit of processor time.
    CpuLimit,
}

/// The timers of `setitimer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum IntervalKind {
    Real,
    Virtual,
    Prof,
}

/// What an expiry does.
pub(super) enum Notify {
    Nothing,
    CpuLimit,
    Process(Signal, u64),
    Thread(Signal, u64, Weak<Thread>),
}

/// A point of time for arming a timer.
#[derive(Clone, Copy)]
pub(super) enum When {
    /// From now on.
    After(Duration),
    /// When the clock shows it.
    At(Duration),
}

struct Timer {
    clock: ProgramClock,
    notify: Notify,
    armed: Option<Armed>,
    /// Expiries since the last signal was taken, without the one that the next signal tells of.
    overrun: u64,
    /// What the last signal that was taken told.
    last_overrun: i32,
}

struct Armed {
    clock: ProgramClock,
    expires: Duration,
    /// How often again; zero for once.
    interval: Duration,
    /// None for a timer that does nothing when it expires.
    ticket: Option<Ticket>,
}

/// A signal that an expired timer sends.
enum Shot {
    Interval(Signal),
    Process(Signal, SigInfo),
    Thread(Signal, SigInfo, Arc<Thread>),
    CpuLimit,
}

/// How soon the service looks again at a timer that has fired. In between, whoever takes the signal rearms it, so that
/// a timer with a short interval and a blocked signal costs no more than this.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

impl ProcessTimers {
    /// Time left and interval of an interval timer; zero if it isn't armed.
    pub(super) fn interval_timer(&self, kind: IntervalKind) -> [Duration; 2] {
        self.inner.lock().by_key.get(&TimerKey::Interval(kind)).map_or([Duration::ZERO; 2], Timer::left)
    }

    /// Arms an interval timer of `process`, or disarms it with a zero time. Gives what was left, and the interval.
    ///
    /// # Errors
    /// `EAGAIN` when the host gives no thread for the service.
    pub(super) fn set_interval_timer(
        &self,
        process: &Arc<Process>,
        kind: IntervalKind,
        after: Duration,
        interval: Duration,
    ) -> Result<[Duration; 2]> {
        let key = TimerKey::Interval(kind);
        self.inner.lock().by_key.entry(key).or_insert_with(|| Timer::new(kind.clock(process), kind.notify()));
        self.arm(process, key, When::After(after), interval)
    }

    /// Has [`cpu_limit::enforce`] called for `process` after a while, or not at all.
    ///
    /// # Errors
    /// `EAGAIN` when the host gives no thread for the service.
    pub(super) fn set_cpu_limit(&self, process: &Arc<Process>, after: Option<Duration>) -> Result<()> {
        let key = TimerKey::CpuLimit;
        let Some(after) = after else {
            self.inner.lock().by_key.remove(&key);
            return Ok(());
        };
        let new = || Timer::new(ProgramClock::Host(Clock::Monotonic), Notify::CpuLimit);
        self.inner.lock().by_key.entry(key).or_insert_with(new);
        self.arm(process, key, When::After(after), Duration::ZERO).map(|_| ())
    }

    /// Makes a POSIX timer and gives its id. `value` is what its signals carry; the id without one.
    ///
    /// # Errors
    /// `EAGAIN` at the limit of pending signals, of which each timer keeps one.
    pub(super) fn create(
        &self,
        process: &Process,
        clock: ProgramClock,
        notify: impl FnOnce(i32) -> Notify,
    ) -> Result<i32> {
        let limit = process.limits.lock().soft(Resource::PendingSignals);
        let mut timers = self.inner.lock();
        if timers.by_key.len() as u64 >= limit {
            bail!(EAGAIN, "the limit of pending signals is reached");
        }
        let mut id = timers.next_id;
        while timers.by_key.contains_key(&TimerKey::Posix(id)) {
            id = id.checked_add(1).unwrap_or(0);
        }
        timers.next_id = id.checked_add(1).unwrap_or(0);
        timers.by_key.insert(TimerKey::Posix(id), Timer::new(clock, notify(id)));
        Ok(id)
    }

    /// Takes away a POSIX timer. A signal that it has sent stays.
    ///
    /// # Errors
    /// `EINVAL` if there is none of this id.
    pub(super) fn delete(&self, id: i32) -> Result<()> {
        let timer = self.inner.lock().by_key.remove(&TimerKey::Posix(id));
        timer.map(drop).ok_or(NO_TIMER)
    }

    /// Arms a POSIX timer of `process`, or disarms it with a zero time. Gives what was left, and the interval.
    ///
    /// # Errors
    /// `EINVAL` if there is none of this id, `EAGAIN` when the host gives no thread for the service.
    pub(super) fn set(&self, process: &Arc<Process>, id: i32, when: When, interval: Duration) -> Result<[Duration; 2]> {
        self.arm(process, TimerKey::Posix(id), when, interval)
    }

    /// Time left and interval of a POSIX timer; zero if it isn't armed.
    ///
    /// # Errors
    /// `EINVAL` if there is none of this id.
    pub(super) fn get(&self, id: i32) -> Result<[Duration; 2]> {
        self.inner.lock().by_key.get(&TimerKey::Posix(id)).map(Timer::left).ok_or(NO_TIMER)
    }

    /// How often a POSIX timer had expired again when its last signal was taken.
    ///
    /// # Errors
    /// `EINVAL` if there is none of this id.
    pub(super) fn overrun(&self, id: i32) -> Result<i32> {
        self.inner.lock().by_key.get(&TimerKey::Posix(id)).map(|timer| timer.last_overrun).ok_or(NO_TIMER)
    }

    /// The process runs a new program: POSIX timers are gone, interval timers go on.
    pub fn forget_posix(&self) {
        self.inner.lock().by_key.retain(|key, _| !matches!(key, TimerKey::Posix(_)));
    }

    /// The process has ended: all timers are gone.
    pub fn forget_all(&self) {
        let gone = core::mem::take(&mut self.inner.lock().by_key);
        drop(gone);
    }

    /// A thread of `process` takes the signal of a POSIX timer. Gives how often that has expired since it was sent.
    pub fn signal_taken(&self, process: &Arc<Process>, id: i32) -> i32 {
        let key = TimerKey::Posix(id);
        let mut timers = self.inner.lock();
        let Some(timer) = timers.by_key.get_mut(&key) else { return 0 };
        timer.overrun += timer.catch_up(process, key);
        timer.last_overrun = i32::try_from(core::mem::take(&mut timer.overrun)).unwrap_or(i32::MAX);
        timer.last_overrun
    }

    /// A thread of `process` takes a `SIGALRM`: a real-time timer that repeats is armed again.
    pub fn alarm_taken(&self, process: &Arc<Process>) {
        let key = TimerKey::Interval(IntervalKind::Real);
        if let Some(timer) = self.inner.lock().by_key.get_mut(&key) {
            timer.catch_up(process, key);
        }
    }

    fn arm(&self, process: &Arc<Process>, key: TimerKey, when: When, interval: Duration) -> Result<[Duration; 2]> {
        service::start()?;
        let mut timers = self.inner.lock();
        let timer = timers.by_key.get_mut(&key).ok_or(NO_TIMER)?;
        let old = timer.left();
        timer.armed = None;
        (timer.overrun, timer.last_overrun) = (0, 0);
        let (clock, expires) = match when {
            When::After(after) | When::At(after) if after.is_zero() => return Ok(old),
            When::At(at) => (timer.clock.clone(), at),
            When::After(after) => {
                let clock = timer.clock.clone().relative();
                let present = clock.now().ok_or(err!(EINVAL, "the clock's thread has ended"))?;
                (clock, present.saturating_add(after))
            }
        };
        let mut armed = Armed { clock, expires, interval, ticket: None };
        if !matches!(timer.notify, Notify::Nothing) {
            armed.enqueue(process, key, Duration::ZERO);
        }
        timer.armed = Some(armed);
        Ok(old)
    }

    /// The service's time for `key` at `place` has come.
    pub(super) fn look_at(&self, process: &Arc<Process>, key: TimerKey, place: (Duration, u64)) {
        let shot = {
            let mut timers = self.inner.lock();
            timers.by_key.get_mut(&key).and_then(|timer| timer.look_at(process, key, place))
        };
        match shot {
            Some(Shot::Interval(signal)) => {
                if let Err(error) = signal::send_to_process(process, signal, SigInfo::kernel(signal)) {
                    warn!("a timer's signal is lost: {error}");
                }
            }
            Some(Shot::Process(signal, info)) => {
                self.count(key, signal::send_timer_to_process(process, signal, info));
            }
            Some(Shot::Thread(signal, info, thread)) => {
                self.count(key, signal::send_timer_to_thread(&thread, signal, info));
            }
            Some(Shot::CpuLimit) => cpu_limit::enforce(process),
            None => {}
        }
    }

    fn count(&self, key: TimerKey, outcome: signal::TimerSignal) {
        if outcome == signal::TimerSignal::StillPending
            && let Some(timer) = self.inner.lock().by_key.get_mut(&key)
        {
            timer.overrun += 1;
        }
    }
}

const NO_TIMER: Error = Error::new(Errno::EINVAL, "no such timer");

impl IntervalKind {
    fn clock(self, process: &Arc<Process>) -> ProgramClock {
        match self {
            Self::Real => ProgramClock::Host(Clock::Monotonic),
            Self::Virtual => ProgramClock::ProcessUser(Arc::downgrade(process)),
            Self::Prof => ProgramClock::Process(Arc::downgrade(process)),
        }
    }

    fn notify(self) -> Notify {
        let signal = match self {
            Self::Real => Signal::SIGALRM,
            Self::Virtual => Signal::SIGVTALRM,
            Self::Prof => Signal::SIGPROF,
        };
        Notify::Process(signal, 0)
    }
}

impl ProgramClock {
    /// What measures a time from now on: changes of the date don't count.
    fn relative(self) -> Self {
        match self {
            Self::Host(Clock::Realtime | Clock::RealtimeAlarm | Clock::Tai) => Self::Host(Clock::Monotonic),
            clock => clock,
        }
    }
}

impl Timer {
    fn new(clock: ProgramClock, notify: Notify) -> Self {
        Self { clock, notify, armed: None, overrun: 0, last_overrun: 0 }
    }

    /// Time left and interval. What is armed never shows zero, unless it ran out with nothing to do.
    fn left(&self) -> [Duration; 2] {
        let Some(armed) = &self.armed else { return [Duration::ZERO; 2] };
        let Some(present) = armed.clock.now() else { return [Duration::ZERO, armed.interval] };
        let left = match present.checked_sub(armed.expires) {
            None => armed.expires.saturating_sub(present),
            Some(_) if armed.interval.is_zero() && matches!(self.notify, Notify::Nothing) => Duration::ZERO,
            Some(_) if armed.interval.is_zero() => Duration::from_nanos(1),
            Some(late) => armed.interval.saturating_sub(remainder(late, armed.interval)),
        };
        [left, armed.interval]
    }

    /// Moves a repeating timer past what has expired meanwhile; gives how often that was.
    fn catch_up(&mut self, process: &Arc<Process>, key: TimerKey) -> u64 {
        let Some(armed) = self.armed.as_mut().filter(|armed| !armed.interval.is_zero()) else { return 0 };
        let Some(present) = armed.clock.now() else { return 0 };
        let count = armed.forward(present);
        // It needn't wait for the service's next look any more.
        let is_late = armed
            .clock
            .look_again(armed.expires, 1)
            .is_some_and(|due| armed.ticket.as_ref().is_some_and(|ticket| due < ticket.due()));
        if is_late {
            armed.enqueue(process, key, Duration::ZERO);
        }
        count
    }

    fn look_at(&mut self, process: &Arc<Process>, key: TimerKey, place: (Duration, u64)) -> Option<Shot> {
        let armed = self.armed.as_mut()?;
        if !armed.ticket.as_ref()?.is_at(place) {
            return None;
        }
        let present = armed.clock.now()?;
        if present < armed.expires {
            // Processor time that wasn't used, or a changed date.
            armed.enqueue(process, key, Duration::ZERO);
            return None;
        }
        if armed.interval.is_zero() {
            self.armed = None;
        } else {
            self.overrun += armed.forward(present) - 1;
            armed.enqueue(process, key, now(Clock::Monotonic).saturating_add(LOOK_AGAIN));
        }
        match (&self.notify, key) {
            (Notify::Process(signal, _), TimerKey::Interval(_)) => Some(Shot::Interval(*signal)),
            (Notify::Process(signal, value), TimerKey::Posix(id)) => {
                Some(Shot::Process(*signal, SigInfo::timer(*signal, id as u32, 0, *value)))
            }
            (Notify::Thread(signal, value, thread), TimerKey::Posix(id)) => {
                let info = SigInfo::timer(*signal, id as u32, 0, *value);
                thread.upgrade().map(|thread| Shot::Thread(*signal, info, thread))
            }
            (Notify::CpuLimit, _) => Some(Shot::CpuLimit),
            (Notify::Thread(..), TimerKey::Interval(_)) | (Notify::Nothing, _) | (_, TimerKey::CpuLimit) => None,
        }
    }
}

impl Armed {
    /// Has the service look when it expires, but not before `earliest`.
    fn enqueue(&mut self, process: &Arc<Process>, key: TimerKey, earliest: Duration) {
        let threads = process.threads.lock().len();
        self.ticket =
            self.clock.look_again(self.expires, threads).map(|due| service::enqueue(due.max(earliest), process, key));
    }

    /// Moves a repeating timer past `present`; gives by how many periods.
    fn forward(&mut self, present: Duration) -> u64 {
        let Some(late) = present.checked_sub(self.expires) else { return 0 };
        let (count, passed) = periods(late, self.interval);
        self.expires = self.expires.saturating_add(passed);
        count
    }
}

/// How many periods have passed for a repeating timer that is `late`, and how long they are together.
pub(super) fn periods(late: Duration, interval: Duration) -> (u64, Duration) {
    let count = late.as_nanos() / interval.as_nanos() + 1;
    (u64::try_from(count).unwrap_or(u64::MAX), from_nanos(count * interval.as_nanos()))
}

fn from_nanos(nanos: u128) -> Duration {
    const PER_SECOND: u128 = 1_000_000_000;
    let secs = u64::try_from(nanos / PER_SECOND).unwrap_or(u64::MAX);
    Duration::new(secs, (nanos % PER_SECOND) as u32)
}

fn remainder(time: Duration, interval: Duration) -> Duration {
    from_nanos(time.as_nanos() % interval.as_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn armed(expires_ms: u64, interval_ms: u64) -> Armed {
        Armed {
            clock: ProgramClock::Host(Clock::Monotonic),
            expires: Duration::from_millis(expires_ms),
            interval: Duration::from_millis(interval_ms),
            ticket: None,
        }
    }

    #[test]
    fn a_repeating_timer_moves_past_all_missed_periods() {
        let mut timer = armed(100, 10);
        assert_eq!(timer.forward(Duration::from_millis(99)), 0);
        assert_eq!(timer.forward(Duration::from_millis(100)), 1);
        assert_eq!(timer.expires, Duration::from_millis(110));
        assert_eq!(timer.forward(Duration::from_millis(135)), 3);
        assert_eq!(timer.expires, Duration::from_millis(140));
    }

    #[test]
    fn a_year_of_nanoseconds_is_counted() {
        const YEAR_SECS: u64 = 365 * 86_400;
        let mut timer = Armed { interval: Duration::from_nanos(1), ..armed(0, 1) };
        assert_eq!(timer.forward(Duration::from_secs(YEAR_SECS)), YEAR_SECS * 1_000_000_000 + 1);
    }

    #[test]
    fn a_silent_timer_shows_zero_when_it_has_run_out_and_others_never() {
        let mut timer = Timer::new(ProgramClock::Host(Clock::Monotonic), Notify::Nothing);
        assert_eq!(timer.left(), [Duration::ZERO; 2]);
        timer.armed = Some(armed(0, 0));
        assert_eq!(timer.left(), [Duration::ZERO; 2]);
        timer.notify = Notify::Process(Signal::SIGALRM, 0);
        assert_eq!(timer.left()[0], Duration::from_nanos(1));
        timer.armed = Some(armed(0, 3_600_000));
        assert!(!timer.left()[0].is_zero() && timer.left()[0] <= Duration::from_hours(1));
    }
}
