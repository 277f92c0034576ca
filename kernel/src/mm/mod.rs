//! Memory of programs.
//!
//! All processes of an address space share the host's address space. It is handed out in [windows](window); each
//! process has a [`Memory`] of its own, which knows its mappings ([`vma`]), the free ranges of its windows, and its
//! `brk` area. What is mapped by the host is always exactly what the mappings say.
//!
//! Lock order: `Memory`'s inner lock, then the window table. Host calls that change mappings are made under the former.

mod advise;
mod brk;
mod charge;
mod code;
mod map;
mod memory;
mod recycle;
mod remap;
mod render;
mod room;
mod source;
pub mod sys;
#[cfg(test)]
mod tests;
mod vma;
mod window;

pub use advise::{Advice, LockMode};
pub use charge::{charged, init, limit};
pub use map::{MapRequest, Place};
pub use memory::{Memory, Totals};
pub use remap::{Move, RemapRequest};
pub use source::{FileFault, MapSource};
pub use vma::{Kind, Vma};
