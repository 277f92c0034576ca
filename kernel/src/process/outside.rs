//! Signals that come from outside of the LibOS, and what the first process's shell outside sees of it.

use super::{group, table, terminal};
use crate::prelude::*;
use crate::signal::{self, SigInfo, Signal};
use frame::host_process;
use frame::trap::Sender;

/// A signal came from outside. What the host's terminal sends is for the foreground group, `SIGCONT` for the job that the
/// first process is to whoever started it, anything else for the first process.
pub fn on_host_signal(number: i32, sender: Sender) {
    let (Ok(signal), Some(first)) = (Signal::new(number as u64), table::first()) else { return };
    info!("{signal} came from the host");
    match (signal, sender, terminal::of_host()) {
        (Signal::SIGCONT, ..) => {
            host_process::continue_others();
            group::signal_all(first.group(), signal, SigInfo::outside(signal));
        }
        (Signal::SIGHUP, Sender::Kernel, Some(terminal)) if terminal.has_hung_up() => terminal.hang_up(),
        (
            Signal::SIGHUP | Signal::SIGINT | Signal::SIGQUIT | Signal::SIGTSTP | Signal::SIGWINCH,
            Sender::Kernel,
            Some(terminal),
        ) => terminal.signal_foreground(signal),
        _ => {
            if let Err(error) = signal::send_to_process(&first, signal, SigInfo::outside(signal)) {
                warn!("{signal} from the host is lost: {error}");
            }
        }
    }
}

/// The first process has stopped: so does the whole LibOS, for that is all that its shell outside can see of it. Without
/// a terminal nobody waits for it to come back, and other processes may be about to continue it.
pub(super) fn first_has_stopped() {
    if terminal::of_host().is_some() || table::all_are_stopped() {
        host_process::stop();
    }
}
