//! Argument types of the memory calls.

use crate::prelude::*;
use crate::syscalls::args::{Arg, trace_flags};
use bitflags::bitflags;
use core::fmt::{self, Write};
use frame::ocall::mem::Prot;
use linux_raw_sys::general as linux;

bitflags! {
    /// `PROT_*`; `mmap` ignores what it doesn't know, `mprotect` refuses it.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct ProtFlags: u32 {
        /// It may be read.
        const PROT_READ = linux::PROT_READ;
        /// It may be written.
        const PROT_WRITE = linux::PROT_WRITE;
        /// It may be executed.
        const PROT_EXEC = linux::PROT_EXEC;
        /// For atomic operations; no effect on x86.
        const PROT_SEM = linux::PROT_SEM;
        /// Down to the start of a mapping that grows down.
        const PROT_GROWSDOWN = linux::PROT_GROWSDOWN;
        /// Up to the end of a mapping that grows up.
        const PROT_GROWSUP = linux::PROT_GROWSUP;
    }

    /// `MAP_*` of `man 2 mmap`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct MapFlags: u32 {
        /// Changes are seen by others.
        const MAP_SHARED = linux::MAP_SHARED;
        /// Changes are the mapping's own.
        const MAP_PRIVATE = linux::MAP_PRIVATE;
        /// At exactly the given address.
        const MAP_FIXED = linux::MAP_FIXED;
        /// Of no file.
        const MAP_ANONYMOUS = linux::MAP_ANONYMOUS;
        /// Below 2 GiB.
        const MAP_32BIT = linux::MAP_32BIT;
        /// Grows down when touched below its start.
        const MAP_GROWSDOWN = linux::MAP_GROWSDOWN;
        /// Ignored.
        const MAP_DENYWRITE = linux::MAP_DENYWRITE;
        /// Ignored.
        const MAP_EXECUTABLE = linux::MAP_EXECUTABLE;
        /// Locked in memory.
        const MAP_LOCKED = linux::MAP_LOCKED;
        /// Doesn't count against limits of memory.
        const MAP_NORESERVE = linux::MAP_NORESERVE;
        /// Made present at once.
        const MAP_POPULATE = linux::MAP_POPULATE;
        /// No effect.
        const MAP_NONBLOCK = linux::MAP_NONBLOCK;
        /// A stack; no effect.
        const MAP_STACK = linux::MAP_STACK;
        /// Of huge pages.
        const MAP_HUGETLB = linux::MAP_HUGETLB;
        /// For persistent memory.
        const MAP_SYNC = linux::MAP_SYNC;
        /// At exactly the given address if that's free.
        const MAP_FIXED_NOREPLACE = linux::MAP_FIXED_NOREPLACE;
    }
}

impl ProtFlags {
    /// What may be done with the memory.
    pub fn prot(self) -> Prot {
        Prot::from_bits_truncate(self.bits())
    }
}

bitflags! {
    /// `MREMAP_*` of `man 2 mremap`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct RemapFlags: u32 {
        /// The mapping may move.
        const MREMAP_MAYMOVE = linux::MREMAP_MAYMOVE;
        /// The mapping moves to the given address.
        const MREMAP_FIXED = linux::MREMAP_FIXED;
        /// The old place stays mapped.
        const MREMAP_DONTUNMAP = linux::MREMAP_DONTUNMAP;
    }

    /// `MS_*` of `man 2 msync`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct SyncFlags: u32 {
        /// Soon.
        const MS_ASYNC = linux::MS_ASYNC;
        /// Other mappings are refreshed.
        const MS_INVALIDATE = linux::MS_INVALIDATE;
        /// Before the call returns.
        const MS_SYNC = linux::MS_SYNC;
    }

    /// `MCL_*` of `man 2 mlockall`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct LockAllFlags: u32 {
        /// What is mapped.
        const MCL_CURRENT = linux::MCL_CURRENT;
        /// What will be mapped.
        const MCL_FUTURE = linux::MCL_FUTURE;
        /// Each page when it is touched.
        const MCL_ONFAULT = linux::MCL_ONFAULT;
    }
}

crate::flags_arg!(RemapFlags);
crate::flags_arg!(SyncFlags);
crate::flags_arg!(LockAllFlags);

impl Arg for ProtFlags {
    fn decode(word: u64) -> Result<Self> {
        Ok(Self::from_bits_retain(word as u32))
    }

    fn trace(word: u64, f: &mut dyn Write) -> fmt::Result {
        if word as u32 == 0 { f.write_str("PROT_NONE") } else { trace_flags::<Self>(word, f) }
    }
}

impl Arg for MapFlags {
    fn decode(word: u64) -> Result<Self> {
        Ok(Self::from_bits_retain(word as u32))
    }

    fn trace(word: u64, f: &mut dyn Write) -> fmt::Result {
        trace_flags::<Self>(word, f)
    }
}
