//! System V IPC (`man 7 sysvipc`): shared memory, semaphores and message queues.
//!
//! - [`ids`]: objects by id and key, who may use them, their removal;
//! - [`shm`], [`shm_sys`]: shared memory segments, which are files in memory that `mm` maps;
//! - [`sem`], [`sem_undo`], [`sem_sys`]: sets of semaphores, and what is undone when a process ends;
//! - [`msg`], [`msg_sys`]: message queues;
//! - `show`: `/proc/sysvipc`.
//!
//! A table of [`Ids`](ids::Ids) owns its objects; whoever uses one holds it meanwhile, so that a removed one is seen as such
//! (`EIDRM`). Lock order: a table, then an object's permissions; an object's contents are locked with neither held, and
//! before the undo list.

mod ids;
mod msg;
mod msg_sys;
mod sem;
mod sem_sys;
mod sem_undo;
mod shm;
mod shm_sys;
pub(crate) mod show;

pub use msg_sys::{msgctl, msgget, msgrcv, msgsnd};
pub use sem_sys::{SemBuf, semctl, semget, semop, semtimedop};
pub use shm_sys::{shmat, shmctl, shmdt, shmget};

/// A process has ended: what it wanted undone is, and segments that only it had attached may go.
pub(crate) fn process_ends(pid: u32) {
    sem_undo::process_ends(pid);
    shm::sweep();
}
