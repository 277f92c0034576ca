//! What a host thread does: it enters its task's program, and looks for other work when the task has ended.

use super::block::{BlockRef, Role, ThreadBlock};
use super::current::current;
use super::home::IdleThread;
use super::lend::{change_over, give_back};
use super::pool::{POOL, wait_for_work};
use super::task::{Flow, Task};
use super::watch;
use crate::context::UserContext;
use crate::entry;
use crate::host_process;
use crate::ocall;
use crate::schedule::{self, Schedule};
use crate::trap;
use core::sync::atomic::Ordering;

pub(super) fn run_role(block: &mut ThreadBlock) -> ! {
    loop {
        match &mut block.role {
            Role::Task(_) => {
                if !crate::cpu::set_fs_base(block.fs_base) {
                    log::error!("a thread's TLS address is outside the program");
                }
                match block.arrival.take().map(|arrival| arrival(&mut block.ctx)) {
                    // SAFETY: the context was filled by whoever started the task.
                    None | Some(Flow::Resume) => unsafe { entry::leave() },
                    Some(Flow::End) => {}
                    Some(Flow::Lend) => {
                        change_over(block);
                        continue;
                    }
                }
            }
            Role::Service(body) => {
                if let Some(body) = body.take() {
                    let schedule = *block.handle.schedule.lock();
                    if schedule == Schedule::Changed {
                        schedule::reset_own();
                    }
                    body();
                }
            }
            &mut Role::Carrier(carrier) => {
                if watch::carry(carrier, block) {
                    continue;
                }
            }
            Role::Watcher => {
                if watch::watch(block) {
                    continue;
                }
            }
            Role::Idle => {}
        }
        end_task(block);
    }
}

/// The program entered by a patched system call.
pub(crate) extern "C" fn on_syscall(block: *mut ThreadBlock) {
    dispatch(block, |task, ctx| task.syscall(ctx));
}

/// The program faulted.
pub(crate) fn on_fault(block: *mut ThreadBlock, fault: trap::Fault) {
    dispatch(block, |task, ctx| task.fault(ctx, fault));
}

/// The thread is wanted before it goes on in the program.
pub(crate) extern "C" fn on_pending(block: *mut ThreadBlock) {
    // SAFETY: the calling thread's block.
    unsafe { (*block).look_whether_wanted() };
    trap::take_host_signals();
    dispatch(block, |task, ctx| task.before_return(ctx));
}

/// Calls `work` with the block's task, if it has one, and context.
pub(crate) fn with_task(block: *mut ThreadBlock, work: impl FnOnce(&dyn Task, &mut UserContext)) {
    // SAFETY: the calling thread's block; task and context are used by nobody else meanwhile.
    let block = unsafe { &mut *block };
    if let Role::Task(task) = &block.role {
        work(&**task, &mut block.ctx);
    }
}

#[inline]
pub(super) fn dispatch(block: *mut ThreadBlock, work: impl FnOnce(&dyn Task, &mut UserContext) -> Flow) {
    // SAFETY: the calling thread's block; task and context are used by nobody else meanwhile.
    let block = unsafe { &mut *block };
    let flow = match &block.role {
        Role::Task(task) => work(&**task, &mut block.ctx),
        _ => Flow::End,
    };
    match flow {
        Flow::Resume => {}
        Flow::End => {
            end_task(block);
            run_role(block)
        }
        Flow::Lend => {
            change_over(block);
            if block.arrival.is_some() {
                run_role(block)
            }
        }
    }
}

/// The thread's task has ended: waits for the next one.
pub(super) fn end_task(block: &mut ThreadBlock) {
    // Not in one go: if the host process is killed meanwhile, nobody may find a task that is half dropped.
    let role = core::mem::replace(&mut block.role, Role::Idle);
    drop(role);
    if give_back(block) {
        return;
    }
    let schedule = core::mem::replace(&mut *block.handle.schedule.lock(), Schedule::Ended);
    if block.handle.process.is_ending.load(Ordering::SeqCst) {
        IdleThread::dismiss_all(&block.handle.process);
        end_thread(block)
    }
    // Who is scheduled otherwise can't take over any work.
    if schedule != Schedule::AsLaunched {
        end_thread(block)
    }
    if !wait_for_work(block) {
        // It never returns, so nothing that is to be dropped may be left here or in the callers.
        end_thread(block)
    }
}

/// The tasks of the calling thread's host process end and no others will come: it ends with the last of them.
pub fn end_process_with_tasks() {
    if let Some(block) = current() {
        block.handle.process.is_ending.store(true, Ordering::SeqCst);
    }
}

/// Ends the calling host thread, and with the last one its host process. The thread leaves its stack before its block is
/// used again.
pub(super) fn end_thread(block: &mut ThreadBlock) -> ! {
    let process = block.handle.process.clone();
    let tid = &raw const block.host_tid;
    POOL.lock().ended.push(BlockRef(block));
    let is_last = process.threads.fetch_sub(1, Ordering::SeqCst) == 1;
    if process.is_dead.load(Ordering::SeqCst) {
        // Each of its threads ends in a host process of its own.
        host_process::remove(block.host_pid.load(Ordering::SeqCst));
    } else if is_last {
        host_process::remove(process.pid());
    }
    drop(process);
    ocall::thread::forget_death();
    // SAFETY: nothing is used any more but the word.
    unsafe { ocall::thread::exit_leaving(tid) }
}
