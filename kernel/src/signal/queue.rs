//! Pending signals.

use super::{SigInfo, SigSet, Signal};
use crate::prelude::*;

/// What is pending for a thread or a process. Standard signals are pending once, real-time ones as often as sent.
#[derive(Debug, Default)]
pub struct SignalQueue {
    pending: SigSet,
    infos: VecDeque<(Signal, SigInfo)>,
}

impl SignalQueue {
    /// Adds a signal; a standard one that is pending already isn't added again.
    ///
    /// # Errors
    /// `EAGAIN` for a real-time one when `limit` signals are queued.
    pub fn push(&mut self, signal: Signal, info: SigInfo, limit: u64) -> Result<()> {
        if !signal.is_realtime() && self.pending.contains(signal) {
            return Ok(());
        }
        if self.infos.len() as u64 >= limit {
            if signal.is_realtime() {
                bail!(EAGAIN, "the limit of pending signals is reached");
            }
            // A standard signal arrives all the same, without its details.
            self.pending = self.pending.union(SigSet::only(signal));
            return Ok(());
        }
        self.pending = self.pending.union(SigSet::only(signal));
        self.infos.push_back((signal, info));
        Ok(())
    }

    /// Takes the first pending signal that isn't in `mask`.
    pub fn pop(&mut self, mask: SigSet) -> Option<(Signal, SigInfo)> {
        let signal = self.pending.without(mask).first()?;
        let found = self.infos.iter().position(|&(other, _)| other == signal);
        let info = found.and_then(|index| self.infos.remove(index)).map(|(_, info)| info);
        if !self.infos.iter().any(|&(other, _)| other == signal) {
            self.pending = self.pending.without(SigSet::only(signal));
        }
        Some((signal, info.unwrap_or(SigInfo::outside(signal))))
    }

    /// Drops signals that are in `set`.
    pub fn discard(&mut self, set: SigSet) {
        self.pending = self.pending.without(set);
        self.infos.retain(|&(signal, _)| !set.contains(signal));
    }

    /// What is pending.
    pub fn pending(&self) -> SigSet {
        self.pending
    }

    /// What is pending, as `/proc` shows it.
    pub fn pending_bits(&self) -> u64 {
        self.pending.bits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_signals_are_pending_once_and_realtime_ones_as_often_as_sent() {
        let mut queue = SignalQueue::default();
        let realtime = Signal::new(40).unwrap();
        for signal in [realtime, Signal::SIGUSR1, realtime, Signal::SIGUSR1] {
            queue.push(signal, SigInfo::outside(signal), 10).unwrap();
        }
        let order: Vec<Signal> = core::iter::from_fn(|| queue.pop(SigSet::EMPTY)).map(|(signal, _)| signal).collect();
        assert_eq!(order, [Signal::SIGUSR1, realtime, realtime]);
    }

    #[test]
    fn the_limit_refuses_realtime_signals_only() {
        let mut queue = SignalQueue::default();
        let realtime = Signal::new(40).unwrap();
        assert!(queue.push(realtime, SigInfo::outside(realtime), 0).is_err());
        assert!(queue.push(Signal::SIGUSR1, SigInfo::outside(Signal::SIGUSR1), 0).is_ok());
        assert_eq!(queue.pop(SigSet::EMPTY).map(|(signal, _)| signal), Some(Signal::SIGUSR1));
    }
}
