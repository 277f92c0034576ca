//! The edge between programs and the kernel: the table of system calls, in which raw words become types.
//!
//! - [`table`]: the one list of all of Linux's x86-64 system calls, with what is done here and by which function;
//! - [`args`]: the types of arguments, how they are decoded and how a trace prints them;
//! - [`dispatch()`]: from a thread's registers to a function of the table and back;
//! - [`restart`]: how interrupted calls go on.

pub mod args;
mod dispatch;
mod restart;
mod table;

pub use dispatch::{Context, dispatch};
pub use restart::{Restart, restart_by};
pub use table::{COUNT, Call, Entry, Param, State, TABLE};
