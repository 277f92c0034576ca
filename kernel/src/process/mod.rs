//! Processes and threads.
//!
//! - [`Process`] manages [`Thread`]s and owns what they share: memory, signal dispositions, limits, identity of the
//!   program. It is live, or a zombie with its [`TermStatus`].
//! - [`Thread`] is one thread of execution with what clone flags can share or copy: file table, fs view, signal state.
//! - [`table`] finds them by id.
//!
//! Lock order, outermost first: `table`, `Process::threads`, `Process::memory`, then what a thread has of its own
//! (`Thread::signals`, file table, fs view). Nothing of these is held across a wait.

pub mod cap;
pub mod clone;
mod credentials;
pub mod exec;
pub mod exit;
pub mod first;
pub mod ids;
mod limits;
#[expect(clippy::module_inception, reason = "the file is named for its one type")]
mod process;
mod settings;
pub mod sys;
pub mod table;
mod task;
mod thread;

pub use credentials::Credentials;
pub use exit::TermStatus;
pub use limits::{Limits, RLIM_INFINITY, Resource};
pub use process::{Process, Program};
pub use settings::{Policy, Settings};
pub use thread::{Thread, Tid};
