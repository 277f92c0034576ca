//! How the parent of a `vfork` waits until its child lets go of the memory that both use.
//!
//! The child runs on its parent's host thread meanwhile, which goes back to the parent when the child ends or runs a
//! program of its own, on another one. Only when one of them can't have the other on its host thread, they are parted:
//! the parent waits at a gate then.

use super::exit::wait_killable;
use super::process::Process;
use super::task::ThreadTask;
use super::thread::Thread;
use crate::prelude::*;
use core::sync::atomic::{AtomicBool, Ordering};
use frame::context::UserContext;
use frame::sync::WaitQueue;
use frame::thread::{Arrival, Flow, Loan};

/// What the parent of a `vfork` waits at, where it has a host thread to wait on.
#[derive(Debug, Default)]
pub(super) struct VforkGate {
    is_open: AtomicBool,
    parent: WaitQueue,
    /// The parent whose host thread the child uses.
    lender: Mutex<Option<Weak<Thread>>>,
}

impl VforkGate {
    /// The child runs a program of its own, or has ended.
    pub(super) fn open(&self) {
        *self.lender.lock() = None;
        if !self.is_open.swap(true, Ordering::SeqCst) {
            self.parent.wake_all();
        }
    }

    /// Waits until the child has opened the gate. Nothing interrupts that but the end of the waiting thread.
    pub(super) fn wait(&self, thread: &Thread) {
        wait_killable(thread, &self.parent, || self.is_open.load(Ordering::SeqCst));
    }
}

/// Has `child` run on the host thread of `parent`, the calling thread.
pub(super) fn lend(
    parent: &Arc<Thread>,
    child: &Arc<Thread>,
    task: Arc<ThreadTask>,
    regs: Box<UserContext>,
    fs_base: u64,
) {
    parent.hand_in_usage();
    parent.leave_host_thread();
    *child.process.vfork.lender.lock() = Some(Arc::downgrade(parent));
    let (waiter, process) = (parent.clone(), child.process.clone());
    let on_move = Box::new(move |handle| {
        waiter.set_handle(handle);
        wait_at_gate(waiter, process)
    });
    let result = Some(u64::from(child.process.pid()));
    // Who has a handle has a host thread, which whoever looks after a killed one relies on.
    frame::thread::as_a_whole(|| {
        if let Some(handle) = parent.handle() {
            child.set_handle(handle);
        }
        frame::thread::lend(Loan {
            borrower: task,
            ctx: regs,
            fs_base,
            arrival: None,
            result,
            on_move,
            on_return: None,
        });
    });
}

fn wait_at_gate(parent: Arc<Thread>, child: Arc<Process>) -> Arrival {
    Box::new(move |_: &mut UserContext| {
        // What it is wanted for was told to its old host thread.
        frame::thread::interrupt_self();
        child.vfork.wait(&parent);
        Flow::Resume
    })
}

/// A parent that is killed while `child`, the calling thread, uses its host thread ends at once.
pub(super) fn free_dying_parents(child: &Thread) {
    if !frame::thread::is_borrower() {
        return;
    }
    // What the child is wanted for may be meant for those.
    frame::thread::hand_over();
    let lender = child.process.vfork.lender.lock().as_ref().and_then(Weak::upgrade);
    if lender.is_some_and(|parent| crate::signal::is_dying(&parent))
        && let Err(error) = frame::thread::move_lenders()
    {
        warn!("a process that is killed stays with the child that it waits for: {error}");
    }
}
