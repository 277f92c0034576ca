//! Waiting for a socket inside the LibOS.

use crate::events::{Blocking, IoEvents, Notifier, Poller, Share};
use crate::fs::File;
use crate::prelude::*;
use core::time::Duration;
use frame::sync::{Deadline, WaitError};

/// How a call waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    /// Whether it waits at all.
    pub(super) blocking: Blocking,
    /// For how long (`SO_RCVTIMEO`, `SO_SNDTIMEO`); forever if absent.
    pub(super) timeout: Option<Duration>,
}

impl Wait {
    /// Makes attempts until one gives something else than `EAGAIN`, the next one whenever the notifier tells of `events`.
    ///
    /// # Errors
    /// `EAGAIN` if it doesn't wait, or not so long; `ERESTARTSYS` when the thread is wanted, and with a timeout `ERESTARTNOHAND`,
    /// since such calls aren't made again once a handler ran (`man 7 signal`); what the attempt gives.
    pub(super) fn until<T>(
        self,
        notifier: &Notifier,
        events: IoEvents,
        attempt: impl FnMut() -> Result<T>,
    ) -> Result<T> {
        self.until_with_host((notifier, events), &[], attempt)
    }

    /// As [`until`](Self::until), but files of the host make for another attempt, too.
    ///
    /// # Errors
    /// As there.
    pub(super) fn until_with_host<T>(
        self,
        (notifier, events): (&Notifier, IoEvents),
        hosted: &[(&dyn File, IoEvents)],
        mut attempt: impl FnMut() -> Result<T>,
    ) -> Result<T> {
        let mut outcome = attempt();
        if self.blocking == Blocking::DontWait || !is_again(&outcome) {
            return outcome;
        }
        let deadline = self.timeout.map(Deadline::after);
        let mut poller = Poller::new();
        poller.watch(notifier, events | IoEvents::ALWAYS, Share::All);
        loop {
            outcome = attempt();
            if !is_again(&outcome) {
                return outcome;
            }
            match poller.wait_with_host(hosted, deadline) {
                Ok(()) => {}
                Err(WaitError::TimedOut) => return attempt(),
                Err(WaitError::Interrupted) => {
                    outcome = attempt();
                    let interrupted = if self.timeout.is_some() { Errno::ERESTARTNOHAND } else { Errno::ERESTARTSYS };
                    return if is_again(&outcome) { Err(interrupted.into()) } else { outcome };
                }
            }
        }
    }
}

pub(super) fn is_again<T>(outcome: &Result<T>) -> bool {
    outcome.as_ref().is_err_and(|error| error.errno() == Errno::EAGAIN)
}
