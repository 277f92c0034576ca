//! The base of Enclos: the only crate with unsafe code.
//!
//! It knows no files, processes or signals of programs; those are the kernel's. What it knows:
//!
//! - [`boot`], [`layout`], [`arena`], [`heap`]: how the LibOS comes to life and where it lives;
//! - [`entry`], [`trap`], [`context`], [`patch`], [`patcher`], `cpuid`: how programs enter it, and with which registers;
//! - [`thread`], [`sync`], [`host_process`]: its threads, their locks and how they wait, and where they run;
//! - [`user`]: program memory;
//! - [`ocall`], [`vdso`]: the host; in tests, `injection` answers in its place.

#![cfg_attr(not(test), no_std)]

extern crate alloc;
#[cfg(all(feature = "launch", not(test)))]
extern crate std;

pub mod arena;
pub mod boot;
pub mod context;
pub mod cpu;
mod cpuid;
mod death;
pub mod entry;
pub mod errno;
pub mod heap;
mod host;
pub mod host_process;
#[cfg(any(test, feature = "injection"))]
pub mod injection;
#[cfg(any(test, feature = "image"))]
pub mod intrinsics;
#[cfg(feature = "launch")]
pub mod launch;
pub mod layout;
mod magazine;
pub mod ocall;
pub mod patch;
pub mod patcher;
pub mod schedule;
#[cfg(feature = "image")]
pub mod start;
mod surroundings;
pub mod sync;
pub mod thread;
pub mod trap;
pub mod user;
pub mod vdso;
mod vector_state;

pub use errno::{Errno, Error, Result};
pub use host::{enable_statistics, visit_statistics};
