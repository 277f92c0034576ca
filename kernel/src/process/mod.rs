//! Processes and threads.
//!
//! - [`Process`] manages [`Thread`]s and owns what they share: memory, signal dispositions, limits, identity of the
//!   program. It is live, or a zombie with its [`TermStatus`] until its parent has looked ([`wait`]).
//! - [`Thread`] is one thread of execution with what clone flags can share or copy: file table, fs view, signal state.
//! - [`table`] finds them by id, and alone changes how processes are related: parent, [group], session. The init process
//!   (1) adopts orphans and reaps them; the first process (2) is what `enclos run` started.
//! - [`check`] looks whether all of this fits together.
//! - [`clone`](mod@clone), [`exec`], [`exit`] are how they begin, become others and end; [`job`] is how they stop.
//! - `access` decides who may signal, look into and limit whom, `quota` how many a user may have, `exec_credentials` whom a
//!   program acts as.
//! - `vfork` and `wait_loan` have a child run on its parent's host thread, which waits for it.
//! - [`terminal`] says which session and group may use the host's terminal; [`outside`] takes the host's signals.
//!
//! Lock order, outermost first: `table`, `Process::threads`, `Process::memory`, `Process::terminal`, then what a thread
//! has of its own (`Thread::signals`, file table, fs view). Nothing of these is held across a wait.

mod access;
pub mod cap;
pub mod check;
pub mod clone;
mod credentials;
mod dispositions;
pub mod exec;
mod exec_credentials;
mod exec_move;
pub mod exit;
pub mod first;
pub mod group;
pub mod ids;
mod io_counters;
pub mod job;
mod limits;
mod linking;
pub mod outside;
mod pidfd;
#[expect(clippy::module_inception, reason = "the file is named for its one type")]
mod process;
mod quota;
mod settings;
mod strings;
pub mod sys;
pub mod table;
mod task;
pub mod terminal;
mod thread;
mod usage;
mod vfork;
pub mod wait;
mod wait_loan;

pub use access::{AccessMode, may_access, may_limit, may_signal, with_memory_of};
pub use credentials::Credentials;
pub use exit::TermStatus;
pub use io_counters::Transfers;
pub use limits::{Limits, RLIM_INFINITY, Resource};
pub use pidfd::PidFd;
pub use process::{Process, Program};
pub use quota::MAX_THREADS;
pub use settings::{Policy, Settings};
pub use strings::Strings;
pub use thread::{Thread, Tid};
