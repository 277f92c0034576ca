//! The LibOS proper: what Linux does for programs, in safe Rust.
//!
//! | folder | what it owns |
//! | --- | --- |
//! | [`syscalls`] | the table of system calls, argument types, dispatch |
//! | [`process`] | processes, threads, their creation and end, identity, limits |
//! | [`loader`] | ELF files, scripts, the initial stack |
//! | [`mm`] | address spaces and mappings |
//! | [`signal`] | signals: queues, dispositions, delivery |
//! | [`fs`] | files, directories, mounts, `/proc` and `/dev` |
//! | [`events`] | waiting for files: notifiers, `poll`, `epoll`, event files |
//! | [`ipc`] | futexes |
//! | [`time`] | clocks, sleeping, timers |
//! | [`observe`] | `--trace` and `--stats` |

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod boot;
pub mod events;
pub mod fs;
pub mod ipc;
pub mod loader;
pub mod logging;
pub mod mm;
pub mod net;
pub mod observe;
pub mod prelude;
pub mod process;
pub mod signal;
pub mod syscalls;
pub mod system;
pub mod time;
pub mod tty;
