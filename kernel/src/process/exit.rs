//! How threads and processes end.

use super::process::Process;
use super::table;
use super::thread::Thread;
use crate::prelude::*;
use crate::signal::Signal;
use core::sync::atomic::Ordering;
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
        // All that there is ends with it, so nobody needs to be asked.
        let status = *thread.process.term_status.lock().get_or_insert(status);
        info!("process {} ends: {status:?}", thread.process.pid());
        crate::boot::shut_down(status.shell_status());
    }
    begin_end(&thread.process, status);
    leave(thread, status);
    Flow::End
}

/// Ends the calling thread's process as a signal's default action does.
pub fn exit_group_by_signal(thread: &Arc<Thread>, signal: Signal, core: bool) -> Flow {
    info!("process {} is killed by {signal}", thread.process.pid());
    exit_group(thread, TermStatus::Killed { signal, core })
}

/// Makes all threads of a process end at their next way out. The first status counts.
fn begin_end(process: &Process, status: TermStatus) {
    process.term_status.lock().get_or_insert(status);
    process.is_ending.store(true, Ordering::SeqCst);
    let threads: Vec<_> = process.threads.lock().values().cloned().collect();
    for thread in threads {
        thread.interrupt();
    }
}

/// What a thread does last.
fn leave(thread: &Arc<Thread>, status: TermStatus) {
    if thread.has_ended.swap(true, Ordering::SeqCst) {
        return;
    }
    let process = &thread.process;
    debug!("thread {} ends", thread.tid());
    let is_last = process.threads.lock().len() == 1;
    if is_last && table::is_first(process) {
        // The first process's end ends the rest, as in a container; what else there is goes with the host process.
        process.term_status.lock().get_or_insert(status);
        let status = (*process.term_status.lock()).unwrap_or(status);
        info!("process {} ends: {status:?}", process.pid());
        crate::boot::shut_down(status.shell_status());
    }
    crate::signal::retarget(thread);
    crate::ipc::futex::exit_robust_list(thread);
    let clear_tid = thread.clear_tid.load(Ordering::Relaxed) as usize;
    if clear_tid != 0 {
        crate::ipc::futex::wake_clear_tid(thread, clear_tid);
    }
    let is_last = {
        let mut threads = process.threads.lock();
        threads.remove(&thread.tid());
        threads.is_empty()
    };
    process.thread_ended.wake_all();
    if is_last {
        process.term_status.lock().get_or_insert(status);
        let status = (*process.term_status.lock()).unwrap_or(status);
        info!("process {} ends: {status:?}", process.pid());
        if table::is_first(process) {
            crate::boot::shut_down(status.shell_status());
        }
        process.memory().release();
        table::remove(process.pid());
    }
}

impl Process {
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
        let gone = self.thread_ended.wait_until(None, || (self.threads.lock().len() == 1).then_some(()));
        *self.execing.lock() = None;
        gone.map_err(|_| Errno::ERESTARTNOINTR.into())
    }
}
