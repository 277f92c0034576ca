//! From a path to a program that can run: ELF files, `#!` scripts, the initial stack.
//!
//! [`Known`] remembers what was run; [`elf::parse`] checks a file's headers without trusting them; [`cpuid`] finds the `cpuid` instructions of a
//! program that is run often; [`script`] finds a script's interpreter; [`Executable`] maps
//! what they describe into a fresh [`Memory`](crate::mm::Memory); [`stack`] lays out arguments, environment and the
//! auxiliary vector.

mod cpuid;
pub mod elf;
mod known;
mod load;
pub mod script;
pub mod stack;

pub use known::{Contents, Known};
pub use load::{Executable, Loaded};

use crate::prelude::*;

/// Something to read a program from.
pub trait ReadAt {
    /// Reads into `buffer` from `offset` on; fewer bytes only at the end.
    ///
    /// # Errors
    /// `EIO` and what the file gives.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize>;
}

impl ReadAt for [u8] {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.get(offset..)).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}
