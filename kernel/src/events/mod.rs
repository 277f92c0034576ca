//! Events: how files tell that they became ready, and how threads wait for that.
//!
//! - [`Notifier`]: belongs to a file and tells its [`Observer`]s; [`Poller`]: waits for several notifiers at once, and
//!   for files of the host beside them. What a file is ready for are [`IoEvents`].
//! - [`Channel`]: a ring with a [`Producer`] and a [`Consumer`] end, beneath pipes and stream sockets.
//! - [`EpollFile`], [`EventFd`]: files that are made of events.
//! - [`signal_io`]: files that signal that they became ready (`O_ASYNC`).
//! - [`sys`]: `poll`, `select` and their kin.
//!
//! A file becomes pollable by at most four methods of [`File`](crate::fs::File): `poll` and `notifier`, and `host_fd` and
//! `recv_host_events` if a file of the host is beneath. Whoever waits registers first and looks then; whoever changes a
//! file's state does so first and broadcasts then: so one of them sees the other, and no wake-up is lost.
//!
//! Lock order: an epoll's scan, what a file's `poll` locks, an epoll's items, a notifier's observers. Observers are
//! called with none of these held by the notifier.

mod anonymous;
mod bytes;
mod channel;
mod epoll;
mod eventfd;
pub mod host_signals;
mod io_events;
mod notifier;
mod poller;
pub mod signal_io;
mod splice;
mod sync;
pub mod sys;
#[cfg(test)]
mod tests;

pub(crate) use anonymous::{Anonymous, anonymous_file};
pub use bytes::{Attachment, Blocking, CHUNK_SIZE, Chunk, ChunkKind, Used};
pub use channel::{Channel, Consumer, Producer, PushError};
pub use epoll::{EpollFile, Interest};
pub use eventfd::{EventFd, Taking};
pub use io_events::IoEvents;
pub use notifier::{Notifier, Observer, Reaction, Share};
pub use poller::Poller;
pub use splice::{Input, hand_on};
