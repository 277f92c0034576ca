//! How a task lets another one use its host thread, and goes on.
//!
//! The child of a `vfork` runs on its parent's host thread. As long as the lender must wait, it [holds](State::Held); once it
//! may go on it's [free](State::Free), but handing over between host threads costs more than many programs run, so it gets
//! some time for its host thread to come back. It goes on elsewhere when the borrower is about to sleep ([`hand_over`]), or
//! runs for longer ([`watch`]).
//!
//! Likewise who waits for a child may have a program of that run on its host thread. Its call is then made again, wherever it
//! goes on.

use super::block::{Arrival, Role, ThreadBlock};
use super::current::{current, current_block_mut};
use super::handle::{Handle, Shared};
use super::start::start;
use super::task::Task;
use super::watch;
use crate::context::UserContext;
use crate::errno::Result;
use crate::host_process::HostProcess;
use crate::schedule::Schedule;
use crate::sync::Mutex;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;

/// What a task lends its host thread for.
pub struct Loan {
    /// Who gets it.
    pub borrower: Arc<dyn Task>,
    /// The registers that the borrower starts with.
    pub ctx: Box<UserContext>,
    /// The borrower's thread pointer.
    pub fs_base: u64,
    /// What the borrower does first.
    pub arrival: Option<Arrival>,
    /// The result that the lender's system call has when it goes on; without one, `rax` stays.
    pub result: Option<u64>,
    /// What the lender does if it goes on elsewhere.
    pub on_move: OnMove,
    /// What the lender does when it gets its host thread back.
    pub on_return: Option<Arrival>,
}

/// A task whose host thread another one uses.
pub(super) struct Lender {
    /// The host thread that it waits for.
    host_thread: Arc<Shared>,
    state: State,
    task: Arc<dyn Task>,
    ctx: Box<UserContext>,
    fs_base: u64,
    on_move: OnMove,
    on_return: Option<Arrival>,
}

/// What a lender waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// For its borrower.
    Held,
    /// For any host thread, since so many lenders had been freed.
    Free(u64),
    /// For another host thread, which is on its way to it, by this number: it's scheduled as the task wants it.
    Leaving(u64),
}

impl State {
    fn is_leaving(self) -> bool {
        matches!(self, Self::Leaving(_))
    }
}

/// What a lender does on another host thread: it learns the handle of that, and gives what is to be done there first.
pub type OnMove = Box<dyn FnOnce(Handle) -> Arrival + Send>;

/// Those of a host process who have lent their host threads, in the order in which they did.
#[derive(Default)]
pub(crate) struct Lenders {
    list: Mutex<Vec<Lender>>,
    /// How many have been freed.
    freed: AtomicU64,
    /// How many host threads were started for them.
    carriers: AtomicU64,
    /// A thread watches those that are free.
    pub(super) is_watched: AtomicBool,
}

impl core::fmt::Debug for Lenders {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Lenders").field("freed", &self.freed).finish_non_exhaustive()
    }
}

impl Lenders {
    /// How many have been freed.
    pub(super) fn freed(&self) -> u64 {
        self.freed.load(Ordering::SeqCst)
    }

    /// The tasks that have lent this host thread.
    pub(super) fn tasks_of(&self, host_thread: &Arc<Shared>) -> Vec<Arc<dyn Task>> {
        let list = self.list.lock();
        list.iter().filter(|lender| lender.waits_for(host_thread)).map(|lender| lender.task.clone()).collect()
    }

    /// Whether one is free.
    pub(super) fn has_free(&self) -> bool {
        self.list.lock().iter().any(|lender| matches!(lender.state, State::Free(_)))
    }

    /// The oldest one that was free when so many had been freed; it goes on on the host thread of `block`.
    pub(super) fn take_overdue(&self, freed: u64, block: &mut ThreadBlock) -> Option<OnMove> {
        self.take(block, |lender| matches!(lender.state, State::Free(since) if since <= freed))
    }

    /// The one that a host thread of this number was started for, that of `block`, goes on there.
    pub(super) fn take_leaving(&self, carrier: u64, block: &mut ThreadBlock) -> Option<OnMove> {
        self.take(block, |lender| lender.state == State::Leaving(carrier))
    }

    /// Whoever is killed with a lender that is neither in the list nor anywhere else has the list's lock.
    fn take(&self, block: &mut ThreadBlock, is_it: impl Fn(&Lender) -> bool) -> Option<OnMove> {
        let mut list = self.list.lock();
        let index = list.iter().position(is_it)?;
        let lender = take_out(&mut list, index);
        // Those that wait for it in turn get its new host thread.
        let below = list[..index].iter_mut().rev().filter(|below| below.waits_for(&lender.host_thread));
        for waiting in below.take_while(|below| below.state == State::Held) {
            waiting.host_thread.lenders.fetch_sub(1, Ordering::SeqCst);
            waiting.host_thread = block.handle.clone();
            waiting.host_thread.lenders.fetch_add(1, Ordering::SeqCst);
        }
        let taken_over = lender.take_over(block);
        drop(list);
        Some(taken_over.on_move)
    }

    /// The last one that has lent the host thread of `block` takes it back.
    fn take_back(&self, block: &mut ThreadBlock) -> Option<()> {
        let host_thread = &block.handle;
        // Nobody comes for those who were leaving.
        let is_dead = host_thread.process.is_dead.load(Ordering::SeqCst);
        let mut list = self.list.lock();
        // Who waits for one that is leaving gets that one's new host thread.
        let mut waits_for_leaving = false;
        let index = list.iter().rposition(|lender| {
            let is_ours = lender.waits_for(host_thread);
            waits_for_leaving |= is_ours && lender.state.is_leaving();
            let may_go_on = matches!(lender.state, State::Free(_)) || lender.state == State::Held && !waits_for_leaving;
            is_ours && (may_go_on || is_dead)
        })?;
        let taken_over = take_out(&mut list, index).take_over(block);
        drop(list);
        block.arrival = taken_over.on_return;
        Some(())
    }

    /// The one that waits for the task that now uses this host thread may go on.
    fn free(&self, host_thread: &Arc<Shared>) -> bool {
        let mut list = self.list.lock();
        let held = list.iter_mut().rev().find(|lender| lender.waits_for(host_thread) && lender.state == State::Held);
        let Some(lender) = held else { return false };
        lender.set_state(State::Free(self.freed.fetch_add(1, Ordering::SeqCst) + 1));
        true
    }

    /// Changes one of those that have lent this host thread from one state to another. Gives its former state.
    fn change(&self, host_thread: &Arc<Shared>, is_it: impl Fn(State) -> bool, to: State) -> Option<State> {
        let mut list = self.list.lock();
        let lender = list.iter_mut().rev().find(|lender| lender.waits_for(host_thread) && is_it(lender.state))?;
        Some(lender.set_state(to))
    }
}

fn take_out(list: &mut Vec<Lender>, index: usize) -> Lender {
    let mut lender = list.remove(index);
    lender.set_state(State::Held);
    lender.host_thread.lenders.fetch_sub(1, Ordering::SeqCst);
    lender
}

impl Lender {
    /// Gives the former state.
    fn set_state(&mut self, state: State) -> State {
        let free = &self.host_thread.free_lenders;
        let before = core::mem::replace(&mut self.state, state);
        match (before, state) {
            (State::Free(_), State::Free(_)) => {}
            (State::Free(_), _) => _ = free.fetch_sub(1, Ordering::SeqCst),
            (_, State::Free(_)) => _ = free.fetch_add(1, Ordering::SeqCst),
            _ => {}
        }
        before
    }

    fn waits_for(&self, host_thread: &Arc<Shared>) -> bool {
        Arc::ptr_eq(&self.host_thread, host_thread)
    }

    /// It goes on on this host thread.
    fn take_over(self, block: &mut ThreadBlock) -> TakenOver {
        let before = core::mem::replace(&mut block.role, Role::Task(self.task));
        block.ctx = *self.ctx;
        block.xstate_area = block.ctx.xstate.as_ptr();
        block.fs_base = self.fs_base;
        TakenOver { on_move: self.on_move, on_return: self.on_return, _before: before }
    }
}

/// A lender has a host thread again.
struct TakenOver {
    /// What it does first if that's another one than it has lent.
    on_move: OnMove,
    /// What it does first if it's the same one.
    on_return: Option<Arrival>,
    /// What the host thread did until then; more ends with that than may end under the list's lock.
    _before: Role,
}

/// Has another task run on the calling host thread, until it ends or moves to another one ([`Flow::End`]). The calling
/// task, whose usage was [taken](super::take_usage), gives [`Flow::Lend`] and goes on then. So a `vfork` needs no other host
/// thread.
///
/// [`Flow::End`]: super::Flow::End
/// [`Flow::Lend`]: super::Flow::Lend
pub fn lend(loan: Loan) {
    if let Some(block) = current_block_mut() {
        block.loan = Some(loan);
    }
}

/// The result that the calling task's system call has when it gets back the host thread that it is about to [`lend`], if
/// that is known.
pub fn lent_for() -> Option<u64> {
    current()?.loan.as_ref().and_then(|loan| loan.result)
}

/// Whether lending a host thread pays for a task that runs for so long.
pub fn is_worth_lending(expected: Duration) -> bool {
    expected <= watch::PATIENCE
}

/// Whether other tasks have lent the calling one its host thread.
pub fn is_borrower() -> bool {
    current().is_some_and(has_lenders)
}

fn has_lenders(block: &ThreadBlock) -> bool {
    block.handle.lenders.load(Ordering::Relaxed) != 0
}

/// The task that has lent the calling one its host thread needn't wait for it any more: it goes on before long, or at once
/// if the calling task will use the host thread for longer than that, as far as anybody knows.
pub fn free_lender(expected: Duration) {
    let Some(block) = current().filter(|block| has_lenders(block)) else { return };
    if !block.handle.process.lenders.free(&block.handle) {
        return;
    }
    // Only a host thread that is scheduled alike can take over, so nobody could watch.
    let schedule = *block.handle.schedule.lock();
    if schedule != Schedule::AsLaunched || expected > watch::PATIENCE || !watch::begin(&block.handle.process) {
        hand_over();
    }
}

/// Whether some have lent the calling task its host thread and needn't wait for it.
pub(crate) fn has_free_lenders() -> bool {
    current().is_some_and(|block| block.handle.free_lenders.load(Ordering::Relaxed) != 0)
}

/// Has those who have lent the calling task its host thread, and needn't wait for it, go on on others: it's about to sleep.
pub fn hand_over() {
    let Some(block) = current().filter(|_| has_free_lenders()) else { return };
    if let Err(error) = move_those(block, |state| matches!(state, State::Free(_))) {
        log::warn!("a process waits for the child that it has started: {error}");
    }
}

/// Moves the tasks that have lent the calling one its host thread to others of their own.
///
/// # Errors
/// As for [`spawn`](super::spawn); those that weren't moved stay.
pub fn move_lenders() -> Result<()> {
    match current() {
        Some(block) => move_those(block, |state| !state.is_leaving()),
        None => Ok(()),
    }
}

fn move_those(block: &ThreadBlock, is_it: impl Fn(State) -> bool) -> Result<()> {
    let lenders = &block.handle.process.lenders;
    loop {
        let carrier = lenders.carriers.fetch_add(1, Ordering::SeqCst);
        let leaving = State::Leaving(carrier);
        let Some(before) = lenders.change(&block.handle, &is_it, leaving) else { return Ok(()) };
        if let Err(error) = start(Role::Carrier(carrier), |_| {}) {
            lenders.change(&block.handle, |state| state == leaving, before);
            return Err(error);
        }
    }
}

/// The task's borrower takes over.
pub(super) fn change_over(block: &mut ThreadBlock) {
    if let Some(fs_base) = lend_out(block, crate::cpu::fs_base())
        && !crate::cpu::set_fs_base(fs_base)
    {
        log::error!("a thread's TLS address is outside the program");
    }
}

/// The dead host thread's task was about to lend it: its borrower comes first now.
pub(super) fn change_over_for_dead(block: &mut ThreadBlock) {
    lend_out(block, 0);
}

/// The host thread is the borrower's, whose thread pointer this gives; the task's own is `fs_base`.
fn lend_out(block: &mut ThreadBlock, fs_base: u64) -> Option<u64> {
    let process = block.handle.process.clone();
    // Until all is done: if the host process is killed meanwhile, one of both tasks may be nowhere.
    let mut list = process.lenders.list.lock();
    let Loan { borrower, ctx, fs_base: borrowers, arrival, result, on_move, on_return } = block.loan.take()?;
    if let Some(result) = result {
        block.ctx.rax = result;
    }
    let Role::Task(task) = core::mem::replace(&mut block.role, Role::Task(borrower)) else { return None };
    let ctx = Box::new(core::mem::replace(&mut block.ctx, *ctx));
    block.handle.lenders.fetch_add(1, Ordering::SeqCst);
    let host_thread = block.handle.clone();
    list.push(Lender { host_thread, state: State::Held, task, ctx, fs_base, on_move, on_return });
    block.xstate_area = block.ctx.xstate.as_ptr();
    block.fs_base = borrowers;
    block.arrival = arrival;
    Some(borrowers)
}

/// The host thread goes back to the task that has lent it, if one has. Gives whether it did. The task that used it meanwhile
/// has taken its usage.
pub(super) fn give_back(block: &mut ThreadBlock) -> bool {
    if !has_lenders(block) {
        return false;
    }
    let process: Arc<HostProcess> = block.handle.process.clone();
    if process.lenders.take_back(block).is_none() {
        return false;
    }
    // What came for it meanwhile has only interrupted its borrower.
    block.pending.store(1, Ordering::SeqCst);
    true
}
