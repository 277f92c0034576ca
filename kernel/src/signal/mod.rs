//! Signals (`man 7 signal`).
//!
//! - [`Signal`], [`SigSet`], [`SigInfo`]: what is sent;
//! - [`SignalQueue`]: what is pending, for a thread or a process; [`Dispositions`]: what a process does about it;
//!   [`ThreadSignals`]: what is a thread's own: mask, alternate stack, pending signals;
//! - [`send`](mod@send): from a sender to a queue; [`deliver`](mod@deliver): from the queues to a handler's frame
//!   ([`frame`]) or the default action, on a thread's way out of the LibOS.
//!
//! Lock order: `Process::dispositions`, `Process::signals`, `Thread::signals`; none is held while a thread is woken.

mod deliver;
mod disposition;
mod frame;
mod info;
mod number;
mod queue;
mod send;
mod signalfd;
mod state;
pub mod sys;

pub use deliver::{deliver, fault};
pub use disposition::{Action, Dispositions};
pub use frame::minimal_stack_size;
pub use info::SigInfo;
pub use number::{SigSet, Signal};
pub use queue::{ProcessSignals, SignalQueue};
pub use send::{
    TimerSignal, has_work, is_dying, is_evaded_by, is_wanted, raise, raise_if_broken_pipe, reaps_children, retarget,
    send_timer_to_process, send_timer_to_thread, send_to_process, send_to_thread, wants_stops_of_children,
};
pub use state::{AlternateStack, ThreadSignals, reset_for_exec};
pub use sys::with_mask;
