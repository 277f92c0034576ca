//! Threads of the LibOS: a host thread, a LibOS stack and a block that `%gs` points to.
//!
//! The kernel gives each thread a [`Task`]; entries of the program end up in its methods. The host's alternate signal
//! stack is the LibOS stack itself: a signal that comes while the program runs starts at its top, one that comes while
//! the LibOS runs is nested below.
//!
//! A block belongs to its host thread, or to whoever has taken it out of the pool; others reach its atomic fields by a
//! [`Handle`]. Lock order: a handle's schedule, then the
//! pool; nothing is taken below the list of lenders.

mod block;
mod current;
mod dead;
mod handle;
mod held;
mod home;
mod lend;
mod pool;
mod run;
mod start;
mod task;
mod usage;
mod watch;

pub use block::Arrival;
pub(crate) use block::{BlockRef, ThreadBlock};
#[cfg(debug_assertions)]
pub(crate) use current::held_locks;
#[cfg(all(test, debug_assertions))]
pub(crate) use current::watch_locks;
pub(crate) use current::{
    current_block, current_process, current_waiter, grow_down, host_ids, magazines, pending_word,
};
pub use current::{current_ids, forget_wanted, interrupt_self, is_wanted};
pub(crate) use dead::{SLEEPER_SLOT, Start, find_dead_holder, take_dead, wake_all};
pub use handle::Handle;
pub(crate) use handle::change_own_schedule;
pub use held::as_a_whole;
pub(crate) use held::{HeldLock, Hold, at_rest, hold, keep_held, let_go};
pub use home::{Home, IdleThread};
pub(crate) use lend::{Lenders, has_free_lenders};
pub use lend::{Loan, OnMove, free_lender, hand_over, is_borrower, is_worth_lending, lend, lent_for, move_lenders};
pub use run::end_process_with_tasks;
pub(crate) use run::{on_fault, on_pending, on_syscall, with_task};
pub(crate) use start::{become_task, run_first};
pub use start::{spawn, spawn_process, spawn_service};
pub use task::{Flow, Task};
pub use usage::{cpu_time, take_usage, usage};
