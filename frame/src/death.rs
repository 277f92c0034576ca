//! Host processes that are killed from outside, by the host's OOM killer or by hand.
//!
//! Each host thread has the host wake [`crate::host_process`]'s supervisor when it dies without having said so, by the list
//! of robust futexes that the host walks then. What the LibOS knows isn't lost, as it's shared: the dead threads' blocks
//! and stacks are there still. So each of them gets another host thread, in an empty host process, for its task to end as
//! a killed one does: from where it slept, or else from where the program would have gone on. Only a thread that held a
//! lock and wasn't in a call of the host can't be replaced, since what that protects may be half changed: then the LibOS
//! ends.

use crate::boot;
use crate::entry;
use crate::errno::Result;
use crate::host;
use crate::host_process::{self, HostProcess};
use crate::layout::{LIBOS_BASE, LIBOS_END, USER_MAX, USER_MIN};
use crate::ocall::thread::ChildOf;
use crate::ocall::{self, mem, process};
use crate::sync;
use crate::thread::{self, BlockRef, HeldLock, Start, ThreadBlock};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::arch::naked_asm;
use core::sync::atomic::{AtomicBool, Ordering};

/// A host process was killed. Whoever was about to sleep there may be in a queue still.
static HAS_HAPPENED: AtomicBool = AtomicBool::new(false);

/// Whether a host process was killed.
pub(crate) fn has_happened() -> bool {
    HAS_HAPPENED.load(Ordering::Relaxed)
}

/// Has the tasks of a host process end that was killed.
pub(crate) fn see_to(process: &Arc<HostProcess>, pid: u32) {
    HAS_HAPPENED.store(true, Ordering::SeqCst);
    // Who brings one of its threads to an end may be killed in turn.
    let is_first_look = !process.is_dead.swap(true, Ordering::SeqCst);
    let dead = thread::take_dead(pid);
    let Some(locks) = dead.iter().map(locks_of).collect::<Option<Vec<_>>>() else { return end_with(pid) };
    for lock in locks.into_iter().flatten().rev() {
        // SAFETY: it's one of a dead thread's.
        unsafe { sync::unlock_for_dead(lock) }
    }
    log::warn!("host process {pid} was killed from outside, with {} threads", dead.len());
    process.is_ending.store(true, Ordering::SeqCst);
    if is_first_look {
        process.threads.store(u32::try_from(dead.len()).unwrap_or(u32::MAX), Ordering::SeqCst);
    }
    for block in &dead {
        // SAFETY: no host thread has the block.
        for task in unsafe { &mut *block.0 }.tasks_of_dead() {
            task.host_process_died();
        }
    }
    for block in dead {
        if let Err(error) = see_to_start_by(&block).and_then(|()| replace(block, process)) {
            boot::say(format_args!("enclos: what was killed can't be ended: {error}\n"));
            host_process::ask_for_end(boot::FAILURE_STATUS);
            return;
        }
    }
}

/// Ends the LibOS if a thread was killed while it changed what all share. For who waits for long for a lock, or is about to
/// take one that the thread may have held.
pub(crate) fn end_if_holder_died() {
    host_process::end_if_alone();
    if let Some(pid) = thread::find_dead_holder() {
        end_with(pid);
    }
}

/// Ends the LibOS with this host process.
fn end_with(pid: u32) {
    static IS_SAID: AtomicBool = AtomicBool::new(false);
    if !IS_SAID.swap(true, Ordering::SeqCst) {
        boot::say(format_args!(
            "enclos: host process {pid} was killed while it changed what all processes share; the rest ends with it\n"
        ));
    }
    host_process::ask_for_end(boot::FAILURE_STATUS);
    if host_process::is_first() {
        // Whoever else would end it may wait for a lock.
        host_process::end_first();
    }
}

/// The locks that a dead thread held; nothing if what they protect may be half changed.
fn locks_of(block: &BlockRef) -> Option<Vec<HeldLock>> {
    // SAFETY: no host thread has the block.
    unsafe { &*block.0 }.locks_of_dead().map(Iterator::collect)
}

/// The dead thread may have been about to start a host process: if that wasn't started, its task ends too.
fn see_to_start_by(block: &BlockRef) -> Result<()> {
    // SAFETY: no host thread has the block.
    let Some(child) = unsafe { &mut *block.0 }.start_by_dead() else { return Ok(()) };
    match child {
        Start::Done(pid, process) => host_process::add(pid, &process),
        Start::Undone(child, process) => {
            process.is_ending.store(true, Ordering::SeqCst);
            process.is_dead.store(true, Ordering::SeqCst);
            process.threads.store(1, Ordering::SeqCst);
            // SAFETY: no host thread has the block.
            for task in unsafe { &mut *child.0 }.tasks_of_dead() {
                task.host_process_died();
            }
            replace(child, &process)?;
        }
    }
    Ok(())
}

/// Gives a dead thread's block another host thread.
fn replace(BlockRef(block): BlockRef, process: &Arc<HostProcess>) -> Result<()> {
    /// What lies below the stack pointer of who sleeps isn't touched.
    const RED_ZONE: usize = 256;
    // SAFETY: no host thread has the block, and the new one uses the stack below what is in use there.
    unsafe {
        let sleeper = (*block).sleeper.load(Ordering::SeqCst);
        let top = if sleeper == 0 { (*block).stack_top } else { (sleeper - RED_ZONE) & !63 };
        let (tid, host_pid) = (&(*block).host_tid, &(*block).host_pid);
        let dead = host_pid.load(Ordering::SeqCst);
        host_process::note_start();
        let pid = ocall::signal::with_all_blocked(|| {
            ocall::thread::clone_process(ChildOf::Caller, top, block as usize, replacement_start, tid)
        })?;
        // As for any other.
        let _ = host_pid.compare_exchange(dead, pid, Ordering::SeqCst, Ordering::SeqCst);
        host_process::add_replacement(pid, process);
    }
    Ok(())
}

/// Where the new host thread starts.
#[unsafe(naked)]
unsafe extern "C" fn replacement_start(block: *mut ThreadBlock) -> ! {
    naked_asm!(
        "wrgsbase rdi",
        "xor ebp, ebp",
        "call {main}",
        "ud2",
        main = sym replacement_main,
    )
}

extern "C" fn replacement_main(block: *mut ThreadBlock) -> ! {
    host_process::end_with_first();
    for range in [USER_MIN..LIBOS_BASE, LIBOS_END..USER_MAX] {
        // Another process's memory must not be taken for the dead one's.
        if mem::unmap(&range).is_err() {
            process::exit_here(boot::FAILURE_STATUS);
        }
    }
    // SAFETY: the block is the new host thread's own.
    let sleeper = unsafe {
        (*block).host_pid.store(ocall::thread::host_pid(), Ordering::SeqCst);
        (*block).prepare_host_thread();
        (*block).sleeper.load(Ordering::SeqCst)
    };
    host_process::begin();
    if sleeper != 0 {
        // SAFETY: it's what the dead host thread left, and we run below.
        unsafe { host::wake_dead_sleeper(sleeper) }
    }
    log::warn!("what a killed thread was doing is left undone");
    thread::on_pending(block);
    // SAFETY: the context is the task's, which has been asked what to do.
    unsafe { entry::leave() }
}
