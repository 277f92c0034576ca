//! Telling programs of changes of files (`man 7 inotify`).
//!
//! - [`Events`]: what can happen, and what a watch wants to know;
//! - [`Instance`]: a descriptor's watches, and the events that it hasn't read;
//! - `watches`: who watches which inode; whatever changes a file through the LibOS tells it: [`tell`], [`tell_entry`],
//!   [`tell_gone`];
//! - [`sys`]: the system calls.
//!
//! Watches hold on to inodes, so that these keep their addresses, by which they're known. Lock order: an instance's watches,
//! then the table of watches; neither while an event is queued.

mod events;
mod instance;
pub mod sys;
mod watches;

pub(crate) use events::Events;
use instance::Instance;
pub(crate) use watches::{tell, tell_entry, tell_gone, tell_inode, tell_moved};
