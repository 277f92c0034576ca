//! Memory of programs.
//!
//! All processes of an [`AddressSpace`] share a host process's memory. It is handed out in [windows](space); each process
//! has a [`Memory`] of its own, which knows its mappings ([`vma`]), the free ranges of its windows, and its `brk` area. What
//! is mapped by the host is always exactly what the mappings say. A [`MemoryUse`] is a process's part in a memory: those of
//! a `vfork` use the same.
//!
//! Only threads of the address space that a memory is in can change what is mapped there.
//!
//! Lock order: `Memory`'s inner lock, then the windows. Host calls that change mappings are made under the former.

mod advise;
mod brk;
mod charge;
mod code;
mod file_end;
mod fork;
mod keeper;
mod map;
mod memory;
mod reach;
mod recycle;
mod refile;
mod remains;
mod remap;
mod render;
mod resident;
mod room;
mod source;
mod space;
mod spare;
mod start_up;
pub mod sys;
#[cfg(test)]
mod tests;
mod usage;
mod used;
mod vma;

pub use advise::{Advice, LockMode};
pub use charge::{charged, init, limit};
pub use file_end::{end_mappings, may_have_ends};
pub use fork::unmap_foreign;
pub use keeper::Spare;
pub use map::{MapRequest, Place};
pub use memory::{Memory, Totals};
pub use reach::Reach;
pub use remap::{Move, RemapRequest};
pub use source::{FileFault, MapSource};
pub use space::AddressSpace;
pub use spare::{Keep, LinkedBy, SpareKey};
pub use usage::MemoryUse;
pub use vma::{Kind, Vma};
