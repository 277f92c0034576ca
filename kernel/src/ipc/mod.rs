//! Inter-process communication: futexes, System V IPC, POSIX message queues.
//!
//! - [`futex`]: the queues that threads wait in for a word of memory, and what wakes them;
//! - [`futex_pi`]: futexes that are locks with an owner;
//! - [`robust`]: what becomes of a thread's locks when it ends;
//! - [`sys`]: the system calls on futexes;
//! - [`mqueue`]: POSIX message queues;
//! - [`sysv`]: shared memory, semaphores and message queues by id.
//!
//! Lock order: a bucket of [`futex`]'s table is the innermost lock but for those of `mm`, which are taken before it to
//! find a word's key. Of two buckets, that with the lower index is locked first.

pub mod futex;
mod futex_pi;
mod futex_queue;
pub mod mqueue;
mod robust;
pub mod sys;
pub mod sysv;
