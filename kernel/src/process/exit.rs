//! How threads and processes end.

use super::clone::forget_newborn;
use super::limits::Resource;
use super::process::{Last, Process};
use super::thread::{Thread, thread_count};
use super::{check, job, table};
use crate::events::IoEvents;
use crate::ipc::{futex, sysv};
use crate::mm::MemoryUse;
use crate::prelude::*;
use crate::signal::Signal;
use core::sync::atomic::Ordering;
use frame::sync::WaitQueue;
use frame::thread::Flow;

/// How a process ended (`man 2 wait`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TermStatus {
    /// It exited with this status, of which the low eight bits count.
    Exited(i32),
    /// A signal killed it.
    Killed {
        /// The signal.
        signal: Signal,
        /// Whether it would have dumped core.
        core: bool,
    },
}

impl TermStatus {
    /// The exit status that a shell would show: 128 and the signal's number for a killed process.
    pub fn shell_status(self) -> i32 {
        match self {
            Self::Exited(status) => status & 0xff,
            Self::Killed { signal, .. } => 128 + signal.number(),
        }
    }
}

/// Ends the calling thread; with the last one its process.
pub fn exit_thread(thread: &Arc<Thread>, status: i32) -> Flow {
    leave(thread, TermStatus::Exited(status));
    Flow::End
}

/// Ends the calling thread's process.
pub fn exit_group(thread: &Arc<Thread>, status: TermStatus) -> Flow {
    if table::is_first(&thread.process) {
        end_all(&thread.process, status);
    }
    begin_end(&thread.process, status);
    leave(thread, status);
    Flow::End
}

/// The first process's end ends the rest, as in a container, so nobody needs to be asked.
fn end_all(first: &Process, status: TermStatus) -> ! {
    let status = *first.term_status.lock().get_or_insert(status);
    info!("process {} ends: {status:?}", first.pid());
    check::walk_if_debugging();
    crate::boot::shut_down(status.shell_status())
}

/// Ends the calling thread's process as a signal's default action does.
pub fn exit_group_by_signal(thread: &Arc<Thread>, signal: Signal, core: bool) -> Flow {
    info!("process {} is killed by {signal}", thread.process.pid());
    // A core of no length is none (`man 5 core`).
    let core = core && thread.process.limits.lock().soft(Resource::Core) > 0;
    exit_group(thread, TermStatus::Killed { signal, core })
}

/// Makes all threads of a process end at their next way out. The first status counts.
fn begin_end(process: &Process, status: TermStatus) {
    process.term_status.lock().get_or_insert(status);
    process.is_ending.store(true, Ordering::SeqCst);
    job::release(process);
    let threads: Vec<_> = process.threads.lock().values().cloned().collect();
    for thread in threads {
        thread.interrupt();
    }
}

/// A thread's host process was killed from outside, so its process counts as killed. The thread does what is left to do
/// when it next looks.
pub(super) fn kill_with_host_process(thread: &Thread) {
    forget_newborn(thread);
    begin_end(&thread.process, TermStatus::Killed { signal: Signal::SIGKILL, core: false });
    // If it was just ending, it starts over.
    let threads = thread.process.threads.lock();
    if threads.is_empty() || threads.contains_key(&thread.tid()) {
        thread.has_ended.store(false, Ordering::SeqCst);
    }
}

/// What a thread does last.
fn leave(thread: &Arc<Thread>, status: TermStatus) {
    if thread.has_ended.swap(true, Ordering::SeqCst) {
        return;
    }
    let process = &thread.process;
    debug!("thread {} ends", thread.tid());
    if process.threads.lock().len() == 1 && table::is_first(process) {
        end_all(process, status);
    }
    crate::signal::retarget(thread);
    leave_memory(thread);
    thread.set_files(Arc::default());
    thread.hand_in_usage();
    {
        let mut ended = process.transfers_of_ended.lock();
        *ended = ended.plus(thread.io.transfers());
    }
    table::parent_thread_ends(process, thread.tid());
    let is_last = {
        let mut threads = process.threads.lock();
        if threads.len() == 1 {
            *process.last.lock() = Last { credentials: Some(thread.credentials()), name: thread.name.lock().clone() };
        }
        threads.remove(&thread.tid());
        threads.is_empty()
    };
    process.thread_ended.wake_all();
    if is_last {
        end_process(process, status);
    } else {
        thread_count::dec();
        job::complete_stop(process);
    }
}

/// What a thread owes to others that use its memory, when it ends or runs another program.
pub(super) fn leave_memory(thread: &Thread) {
    futex::exit_robust_list(thread);
    *thread.robust_list.lock() = (0, 0);
    let clear_tid = thread.clear_tid.swap(0, Ordering::Relaxed) as usize;
    // Where nobody else uses the memory, Linux leaves the word alone, though others may see it.
    if clear_tid != 0 && thread.process.is_memory_used_by_others() {
        futex::wake_clear_tid(thread, clear_tid);
    }
}

/// The last thread has ended: the process is a zombie.
fn end_process(process: &Arc<Process>, status: TermStatus) {
    if process.zombie_status().is_some() {
        // It has ended before; only its parent may not have heard of it.
        return table::change(|table, aftermath| table.tell_again_of_end(process, aftermath));
    }
    process.is_ending.store(true, Ordering::SeqCst);
    let status = *process.term_status.lock().get_or_insert(status);
    info!("process {} ends: {status:?}", process.pid());
    if table::is_first(process) {
        end_all(process, status);
    }
    match MemoryUse::none() {
        Ok(none) => give_up_memory(process.replace_memory(none)),
        Err(error) => warn!("the memory of an ended process is kept: {error}"),
    }
    process.vfork.open();
    // What a child of `vfork` has run is its parent's.
    if process.relations.has_execed.load(Ordering::Relaxed)
        && let Some(known) = &process.program.read().known
    {
        known.set_run_time(process.program_time());
    }
    process.timers.forget_all();
    sysv::process_ends(process.pid());
    table::change(|table, aftermath| table.end(process, status, aftermath));
    process.ended.broadcast(IoEvents::READABLE);
}

/// Gives up a process's part in a memory. When nothing is left of its address space, the host process ends with the
/// calling thread.
pub(super) fn give_up_memory(memory: MemoryUse) {
    let space = memory.space().clone();
    if memory.is_only() && memory.ends_space() {
        // The host unmaps it with its process, and nobody has to wait for that.
        memory.forget_all();
        memory.forget();
    } else {
        drop(memory);
    }
    if space.is_empty() && !frame::host_process::is_first() {
        frame::thread::end_process_with_tasks();
    }
}

impl Process {
    /// Whether another thread or process uses its memory, besides the calling thread.
    fn is_memory_used_by_others(&self) -> bool {
        self.threads.lock().len() > 1 || !self.memory.read().is_only()
    }

    /// Ends all threads but `survivor` and waits until they are gone, as `execve` does. `Err` when the process itself
    /// is ending, or another thread does the same.
    pub(super) fn end_other_threads(&self, survivor: &Arc<Thread>) -> Result<()> {
        {
            let mut exec = self.execing.lock();
            if exec.is_some() || self.is_ending() {
                return Err(Errno::ERESTARTNOINTR.into());
            }
            *exec = Some(survivor.tid());
        }
        let others: Vec<_> =
            self.threads.lock().values().filter(|other| !Arc::ptr_eq(other, survivor)).cloned().collect();
        for other in &others {
            other.must_end.store(true, Ordering::SeqCst);
            other.interrupt();
        }
        let is_alone = wait_killable(survivor, &self.thread_ended, || self.threads.lock().len() == 1);
        *self.execing.lock() = None;
        if is_alone { Ok(()) } else { Err(Errno::ERESTARTNOINTR.into()) }
    }
}

/// Waits until a condition holds, for which `queue` is woken. Nothing but the end of `thread`, the calling thread,
/// interrupts that. Gives whether the condition holds.
pub(super) fn wait_killable(thread: &Thread, queue: &WaitQueue, holds: impl Fn() -> bool) -> bool {
    let mut was_interrupted = false;
    let holds = loop {
        match queue.wait_until(None, || holds().then_some(())) {
            Ok(()) => break true,
            Err(_) if crate::signal::is_dying(thread) => break false,
            Err(_) => {
                was_interrupted = true;
                frame::thread::forget_wanted();
            }
        }
    };
    if was_interrupted {
        // What it is wanted for is seen to afterwards.
        frame::thread::interrupt_self();
    }
    holds
}
