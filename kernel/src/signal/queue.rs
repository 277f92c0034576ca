//! Pending signals.

use super::info::SI_USER;
use super::{SigInfo, SigSet, Signal};
use crate::events::Notifier;
use crate::prelude::*;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicU64, Ordering};
use frame::sync::MutexGuard;

/// What is pending for a thread or a process. Standard signals are pending once, real-time ones as often as sent.
#[derive(Debug, Default)]
pub struct SignalQueue {
    pending: SigSet,
    infos: VecDeque<Queued>,
}

/// A signal that was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Queued {
    pub(super) signal: Signal,
    pub(super) info: SigInfo,
    /// The POSIX timer that sent it.
    pub(super) timer: Option<i32>,
}

/// What is pending for a process; whether anything is can be seen without the lock.
#[derive(Debug, Default)]
pub struct ProcessSignals {
    /// The queue's pending set, as it was when the lock was last given back.
    pending: AtomicU64,
    queue: Mutex<SignalQueue>,
    /// Tells that a signal was sent to the process or to one of its threads.
    pub(super) sent: Notifier,
}

/// Access to the queue of [`ProcessSignals`].
pub struct ProcessSignalsGuard<'a> {
    pending: &'a AtomicU64,
    queue: MutexGuard<'a, SignalQueue>,
}

impl ProcessSignals {
    /// Access to the queue.
    pub fn lock(&self) -> ProcessSignalsGuard<'_> {
        ProcessSignalsGuard { pending: &self.pending, queue: self.queue.lock() }
    }

    /// What is pending. Who adds a signal looks for a thread that takes it afterwards, and who unblocks one looks here
    /// afterwards; both do so between atomic operations of the locks, so one of the two sees the other.
    pub(super) fn pending(&self) -> SigSet {
        SigSet::from_bits(self.pending.load(Ordering::SeqCst))
    }
}

impl Deref for ProcessSignalsGuard<'_> {
    type Target = SignalQueue;

    fn deref(&self) -> &SignalQueue {
        &self.queue
    }
}

impl DerefMut for ProcessSignalsGuard<'_> {
    fn deref_mut(&mut self) -> &mut SignalQueue {
        &mut self.queue
    }
}

impl Drop for ProcessSignalsGuard<'_> {
    fn drop(&mut self) {
        // Before the lock is given back, which orders it before all that the holder does next.
        self.pending.store(self.queue.pending.bits(), Ordering::Release);
    }
}

impl SignalQueue {
    /// Adds a signal; a standard one that is pending already isn't added again.
    ///
    /// # Errors
    /// `EAGAIN` for a real-time one that isn't from `kill`, when as many signals are queued as `limit` gives.
    pub fn push(&mut self, signal: Signal, info: SigInfo, limit: impl FnOnce() -> u64) -> Result<()> {
        if !signal.is_realtime() && self.pending.contains(signal) {
            return Ok(());
        }
        // What the kernel or `kill` says of a standard signal is kept in any case; there are few of them.
        let is_limited = signal.is_realtime() || info.code() < 0;
        if is_limited && self.infos.len() as u64 >= limit() {
            if signal.is_realtime() && info.code() != SI_USER {
                bail!(EAGAIN, "the limit of pending signals is reached");
            }
            // It arrives all the same, without its details.
            self.pending = self.pending.union(SigSet::only(signal));
            return Ok(());
        }
        self.add(Queued { signal, info, timer: None });
        Ok(())
    }

    /// Adds the signal of a POSIX timer, unless an earlier one of it is still there. Gives whether it did.
    pub(super) fn push_timer(&mut self, signal: Signal, info: SigInfo, timer: i32) -> bool {
        let is_new = !self.infos.iter().any(|queued| queued.timer == Some(timer));
        if is_new {
            self.add(Queued { signal, info, timer: Some(timer) });
        }
        is_new
    }

    fn add(&mut self, queued: Queued) {
        self.pending = self.pending.union(SigSet::only(queued.signal));
        self.infos.push_back(queued);
    }

    /// Takes the first pending signal that isn't in `mask`.
    pub(super) fn pop(&mut self, mask: SigSet) -> Option<Queued> {
        let signal = self.pending.without(mask).first()?;
        let found = self.infos.iter().position(|queued| queued.signal == signal);
        let queued = found.and_then(|index| self.infos.remove(index));
        if !self.infos.iter().any(|queued| queued.signal == signal) {
            self.pending = self.pending.without(SigSet::only(signal));
        }
        Some(queued.unwrap_or(Queued { signal, info: SigInfo::outside(signal), timer: None }))
    }

    /// Drops signals that are in `set`.
    pub fn discard(&mut self, set: SigSet) {
        self.pending = self.pending.without(set);
        self.infos.retain(|queued| !set.contains(queued.signal));
    }

    /// What is pending.
    pub fn pending(&self) -> SigSet {
        self.pending
    }

    /// Whether all that is queued is pending.
    pub fn is_consistent(&self) -> bool {
        self.infos.iter().all(|queued| self.pending.contains(queued.signal))
    }

    /// What is pending, as `/proc` shows it.
    pub fn pending_bits(&self) -> u64 {
        self.pending.bits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn realtime() -> Signal {
        Signal::new(40).unwrap()
    }

    fn drain(queue: &mut SignalQueue, mask: SigSet) -> Vec<Signal> {
        core::iter::from_fn(|| queue.pop(mask)).map(|queued| queued.signal).collect()
    }

    #[test]
    fn standard_signals_are_pending_once_and_realtime_ones_as_often_as_sent() {
        let mut queue = SignalQueue::default();
        for signal in [realtime(), Signal::SIGUSR1, realtime(), Signal::SIGUSR1] {
            queue.push(signal, SigInfo::outside(signal), || 10).unwrap();
        }
        assert_eq!(drain(&mut queue, SigSet::EMPTY), [Signal::SIGUSR1, realtime(), realtime()]);
        assert!(queue.pending().is_empty());
    }

    #[test]
    fn realtime_signals_of_a_number_come_in_the_order_of_sending() {
        let mut queue = SignalQueue::default();
        for id in 0..3 {
            queue.push(realtime(), SigInfo::timer(realtime(), 0, 0, id), || 10).unwrap();
        }
        let values: Vec<u64> =
            core::iter::from_fn(|| queue.pop(SigSet::EMPTY)).map(|queued| queued.info.value()).collect();
        assert_eq!(values, [0, 1, 2]);
    }

    #[test]
    fn faults_come_first_and_blocked_signals_stay() {
        let mut queue = SignalQueue::default();
        for signal in [Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGSEGV] {
            queue.push(signal, SigInfo::kernel(signal), || 10).unwrap();
        }
        let mask = SigSet::only(Signal::SIGUSR1);
        assert_eq!(drain(&mut queue, mask), [Signal::SIGSEGV, Signal::SIGHUP]);
        assert_eq!(queue.pending(), mask);
    }

    #[test]
    fn the_limit_refuses_queued_realtime_signals_and_strips_the_others() {
        let mut queue = SignalQueue::default();
        let queued = SigInfo::timer(realtime(), 0, 0, 0);
        assert_eq!(queue.push(realtime(), queued, || 0).map_err(Error::errno), Err(Errno::EAGAIN));
        // `kill` never fails so.
        queue.push(realtime(), SigInfo::outside(realtime()), || 0).unwrap();
        queue.push(Signal::SIGUSR1, SigInfo::timer(Signal::SIGUSR1, 7, 0, 0), || 0).unwrap();
        queue.push(Signal::SIGSEGV, SigInfo::kernel(Signal::SIGSEGV), || 0).unwrap();
        let codes: Vec<i32> =
            core::iter::from_fn(|| queue.pop(SigSet::EMPTY)).map(|queued| queued.info.code()).collect();
        assert_eq!(codes, [0x80, SI_USER, SI_USER]);
    }

    #[test]
    fn a_timer_has_one_signal_pending_and_two_timers_have_two() {
        let mut queue = SignalQueue::default();
        let info = SigInfo::timer(Signal::SIGALRM, 1, 0, 0);
        assert!(queue.push_timer(Signal::SIGALRM, info, 1));
        assert!(!queue.push_timer(Signal::SIGALRM, info, 1));
        assert!(queue.push_timer(Signal::SIGALRM, info, 2));
        let timers: Vec<Option<i32>> =
            core::iter::from_fn(|| queue.pop(SigSet::EMPTY)).map(|queued| queued.timer).collect();
        assert_eq!(timers, [Some(1), Some(2)]);
    }

    #[test]
    fn what_is_ignored_is_dropped() {
        let mut queue = SignalQueue::default();
        queue.push(realtime(), SigInfo::outside(realtime()), || 10).unwrap();
        queue.push(Signal::SIGHUP, SigInfo::outside(Signal::SIGHUP), || 10).unwrap();
        queue.discard(SigSet::only(realtime()));
        assert_eq!(drain(&mut queue, SigSet::EMPTY), [Signal::SIGHUP]);
    }
}
