//! How the program that a forked child executes gets the host thread of its parent, which waits for it.
//!
//! Such a program moves to another host process, most often that of its parent. Waking a host thread there, and later the
//! parent, costs more than many programs run. So a parent that waits offers its own host thread ([`LoanOffer`]); from when
//! it's taken, the parent is a lender like one of `vfork` (`frame::thread::lend`), and makes its call again when it goes on.

use super::process::Process;
use super::table;
use super::task::ThreadTask;
use super::thread::Thread;
use super::wait::Children;
use crate::prelude::*;
use core::sync::atomic::Ordering;
use core::time::Duration;
use frame::context::UserContext;
use frame::thread::{Arrival, Home, IdleThread, Loan};

/// What a thread offers its children while it waits for them.
#[derive(Default)]
pub(super) struct LoanOffer(Mutex<Offer>);

#[derive(Default)]
enum Offer {
    #[default]
    Nothing,
    /// Its host thread, for one of these.
    HostThread(Children),
    /// This one is to have it.
    Taken(Mover),
}

/// A thread that runs a new program in another host process.
pub(super) struct Mover {
    pub(super) thread: Arc<Thread>,
    /// What is done there first, which sets the registers.
    pub(super) arrival: Arrival,
}

impl LoanOffer {
    /// The calling thread is about to wait for these children.
    pub(super) fn open(&self, which: &Children) {
        // Only the first host process is sure not to end before the rest.
        if Home::is_here_for_others() && !matches!(which, Children::Process(_)) {
            *self.0.lock() = Offer::HostThread(which.clone());
        }
    }

    /// Whether a child waits for the host thread.
    pub(super) fn is_taken(&self) -> bool {
        matches!(*self.0.lock(), Offer::Taken(_))
    }

    /// The calling thread doesn't wait any more. Gives who is to have its host thread.
    pub(super) fn close(&self) -> Option<Mover> {
        match core::mem::take(&mut *self.0.lock()) {
            Offer::Taken(mover) => Some(mover),
            Offer::Nothing | Offer::HostThread(_) => None,
        }
    }

    fn take(&self, mover: Mover) -> Result<(), Mover> {
        let mut offer = self.0.lock();
        match &*offer {
            Offer::HostThread(which) if which.has(&mover.thread.process) => {
                *offer = Offer::Taken(mover);
                Ok(())
            }
            _ => Err(mover),
        }
    }
}

/// Moves to the host thread of its parent, if that waits for it in the host process of `instead`, which isn't needed then,
/// and the program, which ran for `run_time` before, won't run for long.
///
/// # Errors
/// The mover, which is to use the other one.
pub(super) fn take(mover: Mover, run_time: Option<Duration>, instead: &IdleThread) -> Result<(), Mover> {
    if !run_time.is_some_and(frame::thread::is_worth_lending) {
        return Err(mover);
    }
    let Some((parent, handle)) = waiting_parent(&mover.thread.process) else { return Err(mover) };
    if !instead.is_beside(&handle) {
        return Err(mover);
    }
    // Not afterwards, when it may have moved on. Who wants it until then isn't missed: it looks when it has arrived.
    frame::thread::as_a_whole(|| {
        mover.thread.set_handle(handle.clone());
        parent.loan_offer.take(mover)
    })?;
    handle.waiter().wake();
    Ok(())
}

/// The thread that is the parent of a process, and its host thread.
fn waiting_parent(process: &Process) -> Option<(Arc<Thread>, frame::thread::Handle)> {
    let (parent, tid) = (&process.relations.parent, &process.relations.parent_thread);
    let parent = table::find(parent.load(Ordering::Relaxed))?;
    let thread = parent.threads.lock().get(&tid.load(Ordering::Relaxed))?.clone();
    let handle = thread.handle()?;
    Some((thread, handle))
}

/// Has a child run on the host thread of `parent`, the calling thread, which goes on with its wait when it's back.
pub(super) fn lend(parent: &Arc<Thread>, Mover { thread, arrival }: Mover) {
    parent.hand_in_usage();
    parent.leave_host_thread();
    let arrival = Box::new(move |regs: &mut UserContext| {
        // The parent may go on whenever there's something for it.
        frame::thread::free_lender(Duration::ZERO);
        arrival(regs)
    });
    let waiter = parent.clone();
    let on_move = Box::new(move |handle| {
        waiter.set_handle(handle);
        wait_again(waiter)
    });
    frame::thread::lend(Loan {
        borrower: Arc::new(ThreadTask(thread)),
        ctx: Box::new(UserContext::new()),
        fs_base: 0,
        arrival: Some(arrival),
        result: None,
        on_move,
        on_return: Some(wait_again(parent.clone())),
    });
}

fn wait_again(thread: Arc<Thread>) -> Arrival {
    Box::new(move |regs| {
        // What it is wanted for may have been told to another host thread.
        frame::thread::interrupt_self();
        frame::thread::Task::syscall(&ThreadTask(thread), regs)
    })
}
