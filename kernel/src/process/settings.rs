//! What a thread sets for itself and its children inherit (`man 2 prctl`, `man 7 sched`, `man 2 personality`).

use crate::signal::Signal;

/// A scheduling policy that a thread may choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// `SCHED_OTHER`.
    #[default]
    Other,
    /// `SCHED_BATCH`.
    Batch,
    /// `SCHED_IDLE`.
    Idle,
    /// `SCHED_FIFO` with its priority.
    Fifo(u8),
    /// `SCHED_RR` with its priority.
    RoundRobin(u8),
}

/// Settings of a thread.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Nice value, -20 to 19.
    pub nice: i8,
    /// Scheduling policy.
    pub policy: Policy,
    /// `SCHED_RESET_ON_FORK`.
    pub reset_on_fork: bool,
    /// I/O priority as `ioprio_set` packs it; 0 for none of its own.
    pub io_priority: u16,
    /// `PR_SET_TIMERSLACK`, in nanoseconds.
    pub timer_slack_ns: u64,
    /// The signal that it gets when its parent ends; 0 for none. Children don't inherit it.
    pub death_signal: u8,
    /// `PR_SET_THP_DISABLE`.
    pub no_huge_pages: bool,
    /// `PR_SET_IO_FLUSHER`.
    pub is_io_flusher: bool,
    /// `PR_MCE_KILL`'s policy.
    pub machine_check: u8,
    /// `personality`'s word.
    pub personality: u32,
}

/// Linux's default of `PR_SET_TIMERSLACK`.
pub(super) const DEFAULT_TIMER_SLACK_NS: u64 = 50_000;

impl Default for Settings {
    fn default() -> Self {
        Self {
            nice: 0,
            policy: Policy::Other,
            reset_on_fork: false,
            io_priority: 0,
            timer_slack_ns: DEFAULT_TIMER_SLACK_NS,
            death_signal: 0,
            no_huge_pages: false,
            is_io_flusher: false,
            machine_check: 2,
            personality: 0,
        }
    }
}

impl Settings {
    /// The signal that the thread gets when its parent ends, if it wants one.
    pub fn death_signal(&self) -> Option<Signal> {
        Signal::new(u64::from(self.death_signal)).ok()
    }

    /// What the first thread starts with: the host's scheduling of `enclos run`.
    pub fn launched() -> Self {
        let attr = frame::schedule::launched_with();
        let policy = Policy::from_raw(attr.policy, attr.priority as i32).unwrap_or_default();
        Self { policy, nice: attr.nice.clamp(-20, 19) as i8, ..Self::default() }
    }

    /// What a new thread or process starts with.
    #[must_use]
    pub fn inherit(&self) -> Self {
        let mut child = Self { death_signal: 0, ..self.clone() };
        if self.reset_on_fork {
            child.reset_on_fork = false;
            if self.policy.is_realtime() {
                (child.policy, child.nice) = (Policy::Other, 0);
            } else {
                child.nice = child.nice.max(0);
            }
        }
        child
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reset_on_fork_keeps_children_ordinary() {
        let fifo = Settings { policy: Policy::Fifo(5), nice: 7, ..Settings::default() };
        assert_eq!((fifo.inherit().policy, fifo.inherit().nice), (Policy::Fifo(5), 7));
        let reset = Settings { reset_on_fork: true, ..fifo }.inherit();
        assert_eq!((reset.policy, reset.nice, reset.reset_on_fork), (Policy::Other, 0, false));
        let batch = Settings { policy: Policy::Batch, nice: -3, reset_on_fork: true, ..Settings::default() }.inherit();
        assert_eq!((batch.policy, batch.nice), (Policy::Batch, 0));
    }
}
