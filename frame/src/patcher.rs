//! Turns trapped system calls into patched ones: what [`crate::patch`] plans, done to the program's memory.

use crate::thread::ThreadBlock;
use core::ops::Range;

/// Code of a program in which system calls may be patched.
#[derive(Clone, Debug)]
pub struct CodeRegion {
    /// The mapping.
    pub range: Range<usize>,
    /// Address space within 2 GiB that is kept for trampolines.
    pub trampolines: Range<usize>,
}

/// The patched system calls of an address space.
#[derive(Debug, Default)]
pub struct Patcher {}

/// A system call of the program trapped at `site`.
pub(crate) fn on_trapped_syscall(_block: *mut ThreadBlock, _site: usize) {}

/// Moves a thread that trapped inside replaced bytes to where it would be.
pub(crate) fn redirect(_rip: &mut u64, _signal: i32) -> bool {
    false
}
