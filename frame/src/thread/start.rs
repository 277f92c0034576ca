//! How threads start, on host threads of the pool or new ones.

use super::block::{Arrival, BlockRef, NOT_STARTED, Role, ThreadBlock, discard, fresh_block, new_block, starting_id};
use super::current::{current, current_block, current_block_mut, current_process};
use super::handle::Handle;
use super::home::IdleThread;
use super::run::run_role;
use super::task::Task;
use crate::context::UserContext;
use crate::errno::Result;
use crate::host_process::{self, HostProcess};
use crate::ocall;
use crate::schedule::Schedule;
use crate::sync::MutexGuard;
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::arch::{asm, naked_asm};
use core::sync::atomic::{Ordering, compiler_fence};

/// Starts a thread that runs the program from `ctx` on, with its thread pointer at `fs_base`, on behalf of `task`.
/// `announce` learns the handle before the thread runs.
///
/// # Errors
/// `EAGAIN` or `ENOMEM` when the host gives no thread or memory.
pub fn spawn(task: Arc<dyn Task>, ctx: &mut UserContext, fs_base: u64, announce: impl FnOnce(Handle)) -> Result<()> {
    start(Role::Task(task), |block| {
        block.ctx.copy_from(ctx);
        block.fs_base = fs_base;
        announce(Handle(block.handle.clone()));
    })
}

/// As [`spawn`], but in a new host process with a copy of the calling one's memory, in which the new thread is the only
/// one. It does `arrival` there first.
///
/// # Errors
/// `EAGAIN` or `ENOMEM` when the host gives no process or memory.
pub fn spawn_process(
    task: Arc<dyn Task>,
    ctx: &mut UserContext,
    fs_base: u64,
    announce: impl FnOnce(Handle),
    arrival: Arrival,
) -> Result<()> {
    host_process::prepare()?;
    let process = Arc::new(HostProcess::default());
    current_process().begin_fork(&process);
    let block = fresh_block(Role::Task(task), process.clone())?;
    // SAFETY: ours until the host process starts.
    unsafe {
        (*block).ctx.copy_from(ctx);
        (*block).fs_base = fs_base;
        (*block).arrival = Some(arrival);
        let own = own_schedule();
        let handle = (*block).handle.clone();
        let mut schedule = handle.schedule.lock_new();
        announce(Handle((*block).handle.clone()));
        (*block).host_tid.store(NOT_STARTED, Ordering::SeqCst);
        let child_of = host_process::parent_of_next();
        let starting = starting_id(host_process::note_start());
        (*block).host_pid.store(starting, Ordering::SeqCst);
        let (top, tid) = ((*block).stack_top, &(*block).host_tid);
        note_starting(Some((BlockRef(block), process.clone())));
        let result = ocall::signal::with_all_blocked(|| {
            ocall::thread::clone_process(child_of, top, block as usize, process_start, tid)
        });
        *schedule = inherited(own.as_ref(), result.is_ok());
        if let Ok(pid) = result {
            // It has done so itself, unless it was killed before; it may even have ended, and others have the block.
            let _ = (*block).host_pid.compare_exchange(starting, pid, Ordering::SeqCst, Ordering::SeqCst);
            host_process::add(pid, &process);
        }
        note_starting(None);
        if result.is_err() {
            discard(block);
        }
        result.map(drop)
    }
}

/// The calling thread is about to start this host process, with this block for its first thread.
fn note_starting(child: Option<(BlockRef, Arc<HostProcess>)>) {
    if let Some(own) = current_block_mut() {
        own.starting = child;
        // For others, if this thread dies in between.
        compiler_fence(Ordering::SeqCst);
    }
}

/// Starts a thread of the LibOS itself.
///
/// # Errors
/// As for [`spawn`].
pub fn spawn_service(body: impl FnOnce() + Send + 'static) -> Result<()> {
    start(Role::Service(Some(Box::new(body))), |_| {})
}

/// Turns the calling host thread into the first thread and runs the program from `ctx` on.
///
/// # Errors
/// `ENOMEM` when there's no memory.
pub(crate) fn run_first(enter: extern "C" fn(*mut ThreadBlock) -> !) -> Result<core::convert::Infallible> {
    let process = Arc::new(HostProcess::first());
    process.begin();
    let block = new_block(Role::Idle, process)?;
    // SAFETY: the block is new and ours; we leave the present stack for good.
    unsafe {
        (*block).host_pid.store(ocall::thread::host_pid(), Ordering::SeqCst);
        (*block).host_tid.store(ocall::thread::host_tid(), Ordering::SeqCst);
        crate::cpu::set_gs_base(block as usize);
        crate::boot::note_booted();
        asm!(
            "mov rsp, {top}",
            "mov rdi, {block}",
            "call {enter}",
            "ud2",
            top = in(reg) (*block).stack_top,
            block = in(reg) block,
            enter = in(reg) enter,
            options(noreturn),
        );
    }
}

/// Gives the first thread its task and context, and enters the program.
pub(crate) fn become_task(task: Arc<dyn Task>, ctx: &mut UserContext, announce: impl FnOnce(Handle)) -> ! {
    let block = current_block().cast_mut();
    // SAFETY: the calling thread's own block.
    let block = unsafe { &mut *block };
    block.role = Role::Task(task);
    block.ctx.copy_from(ctx);
    block.fs_base = 0;
    announce(Handle(block.handle.clone()));
    thread_main(block)
}

pub(super) fn start(role: Role, prepare: impl FnOnce(&mut ThreadBlock)) -> Result<()> {
    let process = current_process();
    let own = own_schedule();
    let idle = match inherited(own.as_ref(), true) {
        Schedule::AsLaunched => IdleThread::take(&process),
        Schedule::Changed | Schedule::Ended => None,
    };
    if let Some(thread) = idle {
        thread.set_off(role, prepare);
        return Ok(());
    }
    let block = fresh_block(role, process.clone())?;
    process.threads.fetch_add(1, Ordering::SeqCst);
    // SAFETY: ours until the host thread starts.
    unsafe {
        let handle = (*block).handle.clone();
        // Who has the handle waits until the host's id is there.
        let mut schedule = handle.schedule.lock_new();
        prepare(&mut *block);
        (*block).host_pid.store(process.pid(), Ordering::SeqCst);
        (*block).host_tid.store(NOT_STARTED, Ordering::SeqCst);
        let result = ocall::thread::clone_thread((*block).stack_top, block as usize, thread_start, &(*block).host_tid);
        *schedule = inherited(own.as_ref(), result.is_ok());
        if result.is_err() {
            process.threads.fetch_sub(1, Ordering::SeqCst);
            discard(block);
        }
        result
    }
}

/// How the calling thread is scheduled, which nobody changes while this is held: host threads start with it.
pub(super) fn own_schedule() -> Option<MutexGuard<'static, Schedule>> {
    current().map(|block| block.handle.schedule.lock())
}

/// What a host thread has from its creator, if it could be started.
pub(super) fn inherited(creator: Option<&MutexGuard<'_, Schedule>>, has_started: bool) -> Schedule {
    if has_started { creator.map_or(Schedule::AsLaunched, |schedule| **schedule) } else { Schedule::Ended }
}

/// Where a new host thread starts, on its LibOS stack.
#[unsafe(naked)]
unsafe extern "C" fn thread_start(block: *mut ThreadBlock) -> ! {
    naked_asm!(
        "wrgsbase rdi",
        "xor ebp, ebp",
        "call {main}",
        "ud2",
        main = sym thread_main_entry,
    )
}

/// Where a new host process starts, on the LibOS stack of its first thread.
#[unsafe(naked)]
unsafe extern "C" fn process_start(block: *mut ThreadBlock) -> ! {
    naked_asm!(
        "wrgsbase rdi",
        "xor ebp, ebp",
        "call {main}",
        "ud2",
        main = sym process_main,
    )
}

extern "C" fn process_main(block: *mut ThreadBlock) -> ! {
    host_process::end_with_first();
    // SAFETY: the new thread's own block.
    let block = unsafe { &mut *block };
    let process = block.handle.process.clone();
    process.begin();
    block.host_pid.store(process.pid(), Ordering::SeqCst);
    // Before it waits for a lock: if it's killed there, another host thread goes on from there, which is prepared.
    block.prepare_host_thread();
    process.is_watched_now();
    host_process::add(process.pid(), &process);
    drop(process);
    host_process::begin();
    run_role(block)
}

extern "C" fn thread_main_entry(block: *mut ThreadBlock) -> ! {
    // SAFETY: the new thread's own block.
    thread_main(unsafe { &mut *block })
}

pub(super) fn thread_main(block: &mut ThreadBlock) -> ! {
    block.prepare_host_thread();
    run_role(block)
}
