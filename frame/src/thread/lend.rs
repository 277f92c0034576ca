//! How a task lets another one use its host thread.

use super::block::{Arrival, Role, ThreadBlock};
use super::current::{current, current_block_mut};
use super::handle::Handle;
use super::start::start;
use super::task::Task;
use super::usage::take_usage;
use crate::context::UserContext;
use crate::errno::Result;
use crate::ocall;
use crate::ocall::process::{Rusage, UsageOf};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::Ordering;

/// What a task lends its host thread for.
pub struct Loan {
    /// Who gets it.
    pub borrower: Arc<dyn Task>,
    /// The registers that the borrower starts with.
    pub ctx: Box<UserContext>,
    /// The borrower's thread pointer.
    pub fs_base: u64,
    /// The result that the lender's system call has when it goes on.
    pub result: u64,
    /// What the lender does if it goes on elsewhere.
    pub on_move: OnMove,
}

/// A task whose host thread another one uses.
pub(super) struct Lender {
    pub(super) task: Arc<dyn Task>,
    pub(super) ctx: Box<UserContext>,
    pub(super) fs_base: u64,
    pub(super) on_move: OnMove,
    /// What it had used before.
    pub(super) used: Rusage,
}

/// What a lender does on another host thread: it learns the handle of that, and gives what is to be done there first.
pub type OnMove = Box<dyn FnOnce(Handle) -> Arrival + Send>;

/// Has another task run on the calling host thread, until it ends or moves to another one ([`Flow::End`]). The calling
/// task gives [`Flow::Lend`], and goes on then. So a `vfork` needs no other host thread.
pub fn lend(loan: Loan) {
    if let Some(block) = current_block_mut() {
        block.loan = Some(loan);
    }
}

/// The result that the calling task's system call has when it gets back the host thread that it is about to [`lend`].
pub fn lent_for() -> Option<u64> {
    current()?.loan.as_ref().map(|loan| loan.result)
}

/// Whether the calling task uses another one's host thread.
pub fn is_borrower() -> bool {
    current().is_some_and(|block| !block.lenders.is_empty())
}

/// Moves the tasks whose host thread the calling one uses to others of their own.
///
/// # Errors
/// As for [`spawn`]; those that weren't moved stay.
pub fn move_lenders() -> Result<()> {
    let Some(block) = current_block_mut() else { return Ok(()) };
    while let Some(lender) = block.lenders.pop() {
        let Lender { task, mut ctx, fs_base, on_move, .. } = lender;
        start(Role::Task(task), |block| {
            block.ctx.copy_from(&mut ctx);
            block.fs_base = fs_base;
            block.arrival = Some(on_move(Handle(block.handle.clone())));
        })?;
    }
    Ok(())
}

/// The task's borrower takes over.
pub(super) fn change_over(block: &mut ThreadBlock) {
    let Some(Loan { borrower, ctx, fs_base, result, on_move }) = block.loan.take() else { return };
    block.ctx.rax = result;
    let Role::Task(task) = core::mem::replace(&mut block.role, Role::Task(borrower)) else { return };
    let own = Box::new(core::mem::replace(&mut block.ctx, *ctx));
    let used = take_usage();
    block.lenders.push(Lender { task, ctx: own, fs_base: crate::cpu::fs_base(), on_move, used });
    block.xstate_area = block.ctx.xstate.as_ptr();
    if !crate::cpu::set_fs_base(fs_base) {
        log::error!("a thread's TLS address is outside the program");
    }
}

/// The host thread goes back to the task that has lent it, if one has. Gives whether it did.
pub(super) fn give_back(block: &mut ThreadBlock) -> bool {
    let Some(Lender { task, ctx, fs_base, used, .. }) = block.lenders.pop() else { return false };
    block.usage_base = ocall::process::usage(UsageOf::Thread).since(&used);
    block.role = Role::Task(task);
    block.ctx = *ctx;
    block.xstate_area = block.ctx.xstate.as_ptr();
    block.fs_base = fs_base;
    // What came for it meanwhile has only interrupted its borrower.
    block.pending.store(1, Ordering::SeqCst);
    true
}
