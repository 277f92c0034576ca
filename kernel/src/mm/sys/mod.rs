//! System calls about memory.

mod access;
mod advise;
mod args;
mod barrier;
mod lock;
mod map;
mod policy;

pub use access::{process_vm_readv, process_vm_writev};
pub use advise::{madvise, mincore, msync, process_madvise};
pub use args::{LockAllFlags, MapFlags, ProtFlags, RemapFlags, SyncFlags};
pub use barrier::membarrier;
pub use lock::{mlock, mlock2, mlockall, munlock, munlockall};
pub use map::{brk, mmap, mprotect, mremap, munmap};
pub use policy::{pkey_alloc, pkey_free, pkey_mprotect};
