//! The calling thread.

use super::block::{Role, ThreadBlock};
use crate::host_process::HostProcess;
use crate::magazine::Magazines;
#[cfg(debug_assertions)]
use crate::sync::HeldLocks;
use crate::sync::{self, Waiter};
use crate::trap;
use alloc::sync::Arc;
use core::arch::asm;
use core::sync::atomic::Ordering;

/// The calling thread's waiter.
pub(crate) fn current_waiter() -> Arc<Waiter> {
    match current() {
        Some(block) => block.handle.waiter.clone(),
        None => Arc::new(Waiter::default()),
    }
}

/// Whether somebody wants the calling thread to look after signals or to end.
pub fn is_wanted() -> bool {
    current().is_some_and(|block| block.pending.load(Ordering::SeqCst) != 0)
}

/// Ids of process and thread that the calling host thread works for.
pub fn current_ids() -> Option<(u32, u32)> {
    match &current()?.role {
        Role::Task(task) => Some(task.ids()),
        _ => None,
    }
}

/// The host's ids of the calling thread and its process, by which others send it signals.
pub(crate) fn host_ids() -> Option<(u32, u32)> {
    let block = current()?;
    let ids = (block.handle.process.pid(), block.host_tid.load(Ordering::Relaxed));
    (ids.0 != 0 && ids.1 != 0).then_some(ids)
}

/// Lets a mapping of the program that the calling host thread works for grow down to `addr`. Gives whether it did.
pub(crate) fn grow_down(addr: usize) -> bool {
    match current().map(|block| &block.role) {
        Some(Role::Task(task)) => task.grow_down(addr),
        _ => false,
    }
}

/// The word that [`is_wanted`] looks at.
pub(crate) fn pending_word() -> *const u32 {
    static NOTHING: u32 = 0;
    current().map_or(&raw const NOTHING, |block| block.pending.as_ptr().cast_const())
}

impl ThreadBlock {
    /// The thread is about to look what it's wanted for. Reads as well, to see what those did before that wanted it.
    pub(super) fn look_whether_wanted(&self) {
        sync::swap(&self.pending, 0);
    }
}

/// Takes back that the calling thread is wanted: for whoever then looks what it was wanted for, and calls
/// [`interrupt_self`] if there was something.
pub fn forget_wanted() {
    if let Some(block) = current() {
        block.look_whether_wanted();
        trap::take_host_signals();
    }
}

/// Makes the calling thread look after signals before it goes on in the program.
pub fn interrupt_self() {
    if let Some(block) = current() {
        // It's for the thread itself to see.
        block.pending.store(1, Ordering::Relaxed);
    }
}

#[cfg(all(test, debug_assertions))]
std::thread_local! {
    static WATCHED: core::cell::Cell<Option<&'static HeldLocks>> = const { core::cell::Cell::new(None) };
}

/// Has the calling thread of a unit test keep which locks it holds, as threads of the LibOS do.
#[cfg(all(test, debug_assertions))]
pub(crate) fn watch_locks() {
    WATCHED.set(Some(alloc::boxed::Box::leak(alloc::boxed::Box::new(HeldLocks::new()))));
}

/// The locks that the calling thread holds.
#[cfg(debug_assertions)]
pub(crate) fn held_locks() -> Option<&'static HeldLocks> {
    #[cfg(test)]
    if let Some(watched) = WATCHED.get() {
        return Some(watched);
    }
    // SAFETY: null, or the calling thread's block; only the thread itself reaches the field.
    unsafe { current_block().as_ref() }.map(|block| &block.held_locks)
}

pub(super) fn current_block_mut() -> Option<&'static mut ThreadBlock> {
    // SAFETY: null, or the calling thread's block; the fields reached so are the thread's own.
    unsafe { current_block().cast_mut().as_mut() }
}

#[inline]
pub(super) fn current() -> Option<&'static ThreadBlock> {
    // SAFETY: null, or the calling thread's block, which lives as long as the thread.
    unsafe { current_block().as_ref() }
}

#[inline]
pub(crate) fn current_block() -> *const ThreadBlock {
    // In unit tests and in the command line, threads have no block.
    if !crate::boot::is_booted() {
        return core::ptr::null();
    }
    let block;
    // SAFETY: in the image, `%gs` always points to a block, whose first word is its address.
    unsafe { asm!("mov {}, gs:[0]", out(reg) block, options(nostack, pure, readonly, preserves_flags)) };
    block
}

/// The calling thread's spare pieces of the heap.
#[inline]
pub(crate) fn magazines() -> Option<&'static Magazines> {
    current().map(|block| &block.magazines)
}

/// The calling thread's host process.
pub(crate) fn current_process() -> Arc<HostProcess> {
    current().map_or_else(Arc::default, |block| block.handle.process.clone())
}
