//! Pseudoterminals (`man 7 pty`): a master that stands for the user, a slave that programs take for their terminal, and
//! the line discipline between them.
//!
//! - [`termios`]: settings of a terminal;
//! - [`discipline`]: what becomes of what is typed, and of what programs write: lines, echoes, erasing, signals;
//! - [`state`]: what a pseudoterminal's lock protects;
//! - [`Pty`]: both ends' transfers and waits;
//! - [`master`], [`slave`]: the open files of either end;
//! - [`requests`]: what `ioctl` asks of either;
//! - [`devpts`]: the file system of slaves, `/dev/pts`.
//!
//! Which session a slave controls and who is in its foreground is the affair of [`Terminal`](crate::process::terminal), as it
//! is for the host's terminals. Open files hold their [`Pty`] and its `Terminal`, which holds the `Pty` as well. The state's lock
//! is held for no call of anybody else; signals and wake-ups go out when it's free.

pub mod devpts;
mod discipline;
mod master;
mod pty;
mod requests;
mod slave;
mod state;
mod termios;

pub use pty::Pty;
pub(crate) use slave::open as open_slave;
