//! `execve` that moves a process into another address space, and so to a thread of another host process.

use super::exec::{Plan, Prepared, kill_unloaded, leave_program};
use super::exit::give_up_memory;
use super::task::ThreadTask;
use super::thread::Thread;
use super::wait_loan::{self, Mover};
use crate::mm::{self, AddressSpace, MemoryUse, Spare};
use crate::prelude::*;
use crate::syscalls::Context;
use core::time::Duration;
use frame::context::UserContext;
use frame::thread::{Arrival, Flow, IdleThread};

/// Runs the program in a new address space.
///
/// # Errors
/// `EMOVED` when the calling host thread has nothing to do any more; as `execve(2)`.
pub(super) fn to_new_space(cx: Context<'_>, plan: Plan) -> Result<usize> {
    crate::time::start_service()?;
    let old = leave(cx.thread)?;
    let thread = cx.thread.clone();
    let started = old.space().split(|foreign| {
        let load = load(thread.clone(), || plan.build(&Arc::default()));
        let arrival = Box::new(move |regs: &mut UserContext| {
            mm::unmap_foreign(&foreign);
            load(regs)
        });
        let task = Arc::new(ThreadTask(thread.clone()));
        frame::thread::spawn_process(task, cx.regs, 0, |handle| thread.set_handle(handle), arrival)
    });
    give_up_memory(old);
    match started {
        Ok(()) => Err(Errno::EMOVED.into()),
        Err(error) => {
            kill_unloaded(&thread, &error);
            Ok(0)
        }
    }
}

/// Runs the program in the first host process, on this thread of it.
///
/// # Errors
/// As for [`to_new_space`].
pub(super) fn to_first_space(cx: Context<'_>, plan: Plan, host_thread: IdleThread) -> Result<usize> {
    let run_time = plan.run_time();
    to_host_thread(cx, host_thread, run_time, || plan.build(AddressSpace::first()))
}

/// Runs the program where it ran before, on this thread there.
///
/// # Errors
/// As for [`to_new_space`].
pub(super) fn to_spare(cx: Context<'_>, plan: Plan, spare: Spare, host_thread: IdleThread) -> Result<usize> {
    let run_time = plan.run_time();
    to_host_thread(cx, host_thread, run_time, || plan.build_in(spare))
}

fn to_host_thread(
    cx: Context<'_>,
    host_thread: IdleThread,
    run_time: Option<Duration>,
    build: impl FnOnce() -> Result<Prepared> + Send + 'static,
) -> Result<usize> {
    let old = leave(cx.thread)?;
    let thread = cx.thread;
    let mover = Mover { thread: thread.clone(), arrival: load(thread.clone(), build) };
    match wait_loan::take(mover, run_time, &host_thread) {
        Ok(()) => host_thread.put_back(),
        Err(Mover { arrival, .. }) => {
            let task = Arc::new(ThreadTask(thread.clone()));
            host_thread.start(task, cx.regs, 0, |handle| thread.set_handle(handle), arrival);
        }
    }
    give_up_memory(old);
    Err(Errno::EMOVED.into())
}

/// The calling thread leaves its old program, whose memory it gives.
fn leave(thread: &Arc<Thread>) -> Result<MemoryUse> {
    let none = MemoryUse::none()?;
    leave_program(thread)?;
    let old = thread.process.replace_memory(none);
    thread.hand_in_usage();
    thread.process.usage.lock().begin_program();
    thread.leave_host_thread();
    Ok(old)
}

/// What is done on the new host thread.
fn load(thread: Arc<Thread>, build: impl FnOnce() -> Result<Prepared> + Send + 'static) -> Arrival {
    Box::new(move |regs| match build() {
        Ok(prepared) => {
            prepared.install(&thread, regs);
            // Who wanted the thread while it moved may have told its old host thread. For nothing, nobody is interrupted: who
            // has lent the new one would go on elsewhere.
            if crate::signal::has_work(&thread) || thread.process.memory().has_file_ends() {
                frame::thread::interrupt_self();
            }
            Flow::Resume
        }
        Err(error) => kill_unloaded(&thread, &error),
    })
}
