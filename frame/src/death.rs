//! Host processes that are killed from outside, by the host's OOM killer or by hand.
//!
//! Each host thread has the host wake [`crate::host_process`]'s supervisor when it dies without having said so, by the list
//! of robust futexes that the host walks then. What the LibOS knows isn't lost, as it's shared: the dead threads' blocks
//! and stacks are there still. So each of them gets another host thread, in an empty host process, for its task to end as
//! a killed one does: from where it slept, or else from where the program would have gone on. Only a thread that held a
//! lock can't be replaced, since what that protects may be half changed: then the LibOS ends.

use crate::boot;
use crate::entry;
use crate::errno::Result;
use crate::host;
use crate::host_process::{self, HostProcess};
use crate::layout::{LIBOS_BASE, LIBOS_END, USER_MAX, USER_MIN};
use crate::ocall::thread::ChildOf;
use crate::ocall::{self, mem, process};
use crate::thread::{self, BlockRef, ThreadBlock};
use core::arch::naked_asm;
use core::sync::atomic::Ordering;

/// Has the tasks of a host process end that was killed.
pub(crate) fn see_to(process: &HostProcess, pid: u32) {
    let dead = thread::take_dead(pid);
    // SAFETY: blocks are never unmapped, and the field is atomic.
    let holds_lock = |block: &BlockRef| unsafe { &(*block.0).locks }.load(Ordering::SeqCst) != 0;
    if dead.iter().any(holds_lock) {
        boot::say(format_args!(
            "enclos: host process {pid} was killed while it changed what all processes share; the rest ends with it\n"
        ));
        host_process::ask_for_end(boot::FAILURE_STATUS);
        return;
    }
    log::warn!("host process {pid} was killed from outside, with {} threads", dead.len());
    process.is_ending.store(true, Ordering::SeqCst);
    process.threads.store(u32::try_from(dead.len()).unwrap_or(u32::MAX), Ordering::SeqCst);
    if dead.is_empty() {
        host_process::remove(pid);
    }
    for block in &dead {
        // SAFETY: no host thread has the block.
        for task in unsafe { &mut *block.0 }.tasks_of_dead() {
            task.host_process_died();
        }
    }
    for block in dead {
        if let Err(error) = replace(block) {
            boot::say(format_args!("enclos: what was killed can't be ended: {error}\n"));
            host_process::ask_for_end(boot::FAILURE_STATUS);
            return;
        }
    }
}

/// Gives a dead thread's block another host thread.
fn replace(BlockRef(block): BlockRef) -> Result<()> {
    /// What lies below the stack pointer of who sleeps isn't touched.
    const RED_ZONE: usize = 256;
    // SAFETY: no host thread has the block, and the new one uses the stack below what is in use there.
    unsafe {
        let sleeper = (*block).sleeper.load(Ordering::SeqCst);
        let top = if sleeper == 0 { (*block).stack_top } else { (sleeper - RED_ZONE) & !63 };
        let tid = &(*block).host_tid;
        ocall::signal::with_all_blocked(|| {
            ocall::thread::clone_process(ChildOf::Caller, top, block as usize, replacement_start, tid).map(drop)
        })
    }
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
    for range in [USER_MIN..LIBOS_BASE, LIBOS_END..USER_MAX] {
        // Another process's memory must not be taken for the dead one's.
        if mem::unmap(&range).is_err() {
            process::exit_here(boot::FAILURE_STATUS);
        }
    }
    // SAFETY: the block is the new host thread's own.
    let sleeper = unsafe {
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
