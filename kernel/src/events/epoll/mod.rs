//! `epoll` (`man 7 epoll`): files that are watched, and a list of those that may be ready.
//!
//! - [`EpollFile`] owns its [`Item`](item::Item)s; an item knows its file weakly, so a file is gone from all epolls when its last
//!   descriptor is closed. The item observes the file's notifier and puts itself into the list of ready items.
//! - [`HostSet`](host::HostSet): files of the host are watched by an `epoll` of the host as well, made for the first one.
//!   A thread that waits sleeps there, in one call that gives the events; the LibOS wakes it for its own files.
//!
//! A wait takes the ready items, asks their files, and reports what they're ready for: its cost depends on them alone.
//!
//! Lock order: an epoll's scan (an outer epoll's before an inner one's), its items, its ready list.

mod file;
mod host;
mod item;
mod nesting;
mod wait;

pub use file::EpollFile;
pub use item::Interest;
