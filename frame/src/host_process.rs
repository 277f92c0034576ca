//! The host processes of one LibOS.
//!
//! The first one is what `enclos run` started; whoever waits for it outside learns how the LibOS ended. Each further one is
//! an address space for programs that can't live in another: started by [`crate::thread::spawn_process`], with the same
//! arena and the same descriptors. The first one adopts those whose parent has ended, and all end with it.

use crate::errno::Result;
use crate::ocall::{process, thread as host_thread};
use crate::sync::{Mutex, wait_while};
use crate::thread::{self, Lenders};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// A host process, as its threads know it.
#[derive(Debug, Default)]
pub(crate) struct HostProcess {
    /// The host's id of it; 0 until it runs.
    pid: AtomicU32,
    /// How many host threads it has.
    pub(crate) threads: AtomicU32,
    /// It ends with its tasks.
    pub(crate) is_ending: AtomicBool,
    /// It has got another parent, and nobody has looked yet what that means.
    pub(crate) is_orphaned: AtomicBool,
    /// Tasks whose host threads others use.
    pub(crate) lenders: Lenders,
}

impl HostProcess {
    /// Its first thread runs.
    pub(crate) fn begin(&self) {
        self.pid.store(host_thread::host_pid(), Ordering::SeqCst);
        self.threads.store(1, Ordering::SeqCst);
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid.load(Ordering::SeqCst)
    }
}

/// The first host process's id; 0 while it is the only one.
static FIRST: AtomicU32 = AtomicU32::new(0);
/// All others.
static OTHERS: Mutex<Vec<u32>> = Mutex::new(Vec::new());
/// The exit status of the LibOS, with [`ENDED`] once it is known; before, what [`supervise`] is to do.
static STATUS: AtomicU32 = AtomicU32::new(0);

const ENDED: u32 = 1 << 31;
/// All host processes are to be stopped.
const STOPPING: u32 = 1 << 30;
/// Signals came from outside.
const SIGNALLED: u32 = 1 << 29;

/// Sent by the host when a host process gets another parent.
pub(crate) const ORPHANED_SIGNAL: i32 = 63;

/// Called before each further host process is started; the first time, by the first one.
pub(crate) fn prepare() -> Result<()> {
    if FIRST.load(Ordering::SeqCst) == 0 {
        process::adopt_orphans()?;
        thread::spawn_service(supervise)?;
        FIRST.store(host_thread::host_pid(), Ordering::SeqCst);
    }
    Ok(())
}

/// A host process of this id was started.
pub(crate) fn add(pid: u32) {
    OTHERS.lock().push(pid);
}

/// The host process of this id ends.
pub(crate) fn remove(pid: u32) {
    // It may end before the one that started it has noted it.
    while !take(pid) {
        host_thread::yield_now();
    }
}

fn take(pid: u32) -> bool {
    let mut others = OTHERS.lock();
    let index = others.iter().position(|other| *other == pid);
    index.map(|index| others.swap_remove(index)).is_some()
}

/// What a new host process does first.
pub(crate) fn begin() {
    process::signal_on_parents_end(ORPHANED_SIGNAL);
    end_if_alone();
    // They were blocked while it was started.
    let _ = crate::ocall::signal::unblock_all();
}

/// The calling host process has another parent: that is the first one, unless all have ended.
pub(crate) fn end_if_alone() {
    let parent = process::parent();
    if parent != FIRST.load(Ordering::SeqCst) && !OTHERS.lock().contains(&parent) {
        process::exit_here(crate::boot::FAILURE_STATUS);
    }
}

/// Whether the calling thread is one of the first host process.
pub fn is_first() -> bool {
    let first = FIRST.load(Ordering::SeqCst);
    first == 0 || first == host_thread::host_pid()
}

/// Ends all host processes; the first one with this exit status.
pub(crate) fn exit(status: i32) -> ! {
    if FIRST.load(Ordering::SeqCst) == 0 {
        process::exit_here(status);
    }
    // The first status counts.
    let ended = ENDED | status as u32 & 0xff;
    let is_first_status = |status: u32| (status & ENDED == 0).then_some(ended);
    let _ = STATUS.fetch_update(Ordering::SeqCst, Ordering::SeqCst, is_first_status);
    crate::sync::wake_all(&STATUS);
    if !is_first() {
        process::exit_here(status);
    }
    loop {
        wait_while(&STATUS, ended);
    }
}

/// Stops all host processes, as a job of the shell that started the first one, until somebody outside continues them.
/// Returns then, or before.
pub fn stop() {
    if is_first() {
        stop_from_first();
    } else {
        // The others stop before the first one does: once that has, the shell may continue it.
        ask(STOPPING);
    }
}

/// Signals came from outside, and the thread that the host chose for them may be one that sleeps on.
pub(crate) fn note_signals() {
    if FIRST.load(Ordering::SeqCst) != 0 {
        ask(SIGNALLED);
    }
}

/// Asks [`supervise`] for something.
fn ask(what: u32) {
    let with_it = |status: u32| (status & ENDED == 0).then_some(status | what);
    if STATUS.fetch_update(Ordering::SeqCst, Ordering::SeqCst, with_it).is_ok() {
        crate::sync::wake_all(&STATUS);
    }
}

fn stop_from_first() {
    let others = OTHERS.lock().clone();
    for pid in others {
        process::stop(pid);
    }
    process::stop_here();
}

/// The first host process was continued: so are the others, if the sender has left them out.
pub fn continue_others() {
    let others = OTHERS.lock().clone();
    for pid in others {
        process::go_on(pid);
    }
}

/// Ends the first host process when the LibOS has ended, wherever it has, stops it likewise, and sees to signals from
/// outside.
fn supervise() {
    loop {
        let status = STATUS.load(Ordering::SeqCst);
        if status & ENDED != 0 {
            break;
        }
        if status == 0 {
            wait_while(&STATUS, 0);
        } else if STATUS.compare_exchange(status, 0, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            if status & STOPPING != 0 {
                stop_from_first();
            }
            crate::trap::take_host_signals();
        }
    }
    let others = core::mem::take(&mut *OTHERS.lock());
    for pid in others {
        process::kill(pid);
    }
    process::exit_here((STATUS.load(Ordering::SeqCst) & 0xff) as i32)
}
