//! The OCalls: all that the LibOS ever asks of the host. Each one checks the answer before it is used.

pub mod event;
pub mod file;
pub mod mem;
pub mod net;
pub mod pagemap;
pub mod process;
pub mod remote;
pub mod signal;
pub mod terminal;
pub mod thread;
pub mod time;
