//! POSIX message queues (`man 7 mq_overview`).
//!
//! - [`queue`]: a queue, and who waits for it;
//! - [`names`]: all queues by name;
//! - `file`: what a descriptor of one stands for;
//! - [`sys`]: the system calls.
//!
//! The table of names owns queues that have one, open files own theirs. Lock order: the table, then a queue's state.

mod file;
mod names;
mod queue;
pub mod sys;
