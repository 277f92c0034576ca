//! The host processes of one LibOS.
//!
//! The first one is what `enclos run` started; whoever waits for it outside learns how the LibOS ended. Each further one is
//! an address space for programs that can't live in another: started by [`crate::thread::spawn_process`], with the same
//! arena and the same descriptors. All of them are children of the first one, whichever started them, and end with it.

use crate::errno::Result;
use crate::ocall::thread::ChildOf;
use crate::ocall::time::{self, Clock};
use crate::ocall::{process, thread as host_thread};
use crate::sync::{Mutex, Once, wait_while, wait_while_at_most};
use crate::thread::{self, Lenders};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use core::time::Duration;

/// A host process, as its threads know it.
#[derive(Debug, Default)]
pub(crate) struct HostProcess {
    /// All others end with it.
    pub(crate) is_first: bool,
    /// The host's id of it; 0 until it runs.
    pid: AtomicU32,
    /// How many further ones were started by it and its ancestors.
    forks: AtomicU32,
    /// How many host threads it has.
    pub(crate) threads: AtomicU32,
    /// It ends with its tasks.
    pub(crate) is_ending: AtomicBool,
    /// It was killed from outside. What it did is brought to an end by others.
    pub(crate) is_dead: AtomicBool,
    /// It is known by its id, or was.
    is_listed: AtomicBool,
    /// The host tells when it dies.
    is_watched: AtomicBool,
    /// Tasks whose host threads others use.
    pub(crate) lenders: Lenders,
}

impl HostProcess {
    /// The one that `enclos run` started.
    pub(crate) fn first() -> Self {
        Self { is_first: true, ..Self::default() }
    }

    /// Its first thread runs.
    pub(crate) fn begin(&self) {
        self.pid.store(host_thread::host_pid(), Ordering::SeqCst);
        self.threads.store(1, Ordering::SeqCst);
    }

    /// It is about to start `child`, with a copy of its memory.
    pub(crate) fn begin_fork(&self, child: &Self) {
        let forks = self.forks.fetch_add(1, Ordering::SeqCst) + 1;
        if forks == WORTH_HUGE_PAGE
            && let Err(error) = crate::boot::make_image_huge().and_then(|()| crate::arena::make_huge())
        {
            log::debug!("the LibOS stays in small pages: {error}");
        }
        child.forks.store(forks, Ordering::SeqCst);
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid.load(Ordering::SeqCst)
    }

    /// Whether it is known by its id, or was.
    pub(crate) fn is_listed(&self) -> bool {
        self.is_listed.load(Ordering::SeqCst)
    }

    /// Its first thread has had the host tell of its death.
    pub(crate) fn is_watched_now(&self) {
        self.is_watched.store(true, Ordering::SeqCst);
    }
}

/// From this fork on, the image and the arena's oldest parts lie in huge pages: that costs about as much as ten forks,
/// of which each is cheaper by some tens of page faults and by their pages' release.
const WORTH_HUGE_PAGE: u32 = 8;

/// The first host process's id; 0 while it is the only one.
static FIRST: AtomicU32 = AtomicU32::new(0);
/// What the threads of the first host process know it by.
static FIRST_PROCESS: Once<Arc<HostProcess>> = Once::new();
/// All others, by the host's ids of them. One that was killed has an id for each thread that is brought to an end.
static OTHERS: Mutex<Vec<(u32, Arc<HostProcess>)>> = Mutex::new(Vec::new());
/// How many were started.
static STARTS: AtomicU32 = AtomicU32::new(0);
/// [`supervise`] sleeps until something happens, which the start of a host process is.
static IS_QUIET: AtomicBool = AtomicBool::new(false);
/// The exit status of the LibOS, with [`ENDED`] once it is known; before, what [`supervise`] is to do.
static STATUS: AtomicU32 = AtomicU32::new(0);

const ENDED: u32 = 1 << 31;
/// All host processes are to be stopped.
const STOPPING: u32 = 1 << 30;
/// Signals came from outside.
const SIGNALLED: u32 = 1 << 29;
/// The first host process needs one more thread.
const THREAD_WANTED: u32 = 1 << 28;
/// Another host process was started.
const STARTED: u32 = 1 << 27;

/// Sent by the host when a host process's parent ends, or the thread of that which counts as it.
pub(crate) const ORPHANED_SIGNAL: i32 = 63;

/// Called before each further host process is started; the first time, by the first one.
pub(crate) fn prepare() -> Result<()> {
    if FIRST.load(Ordering::SeqCst) == 0 {
        thread::spawn_service(supervise)?;
        thread::keep_held();
        FIRST_PROCESS.call_once(thread::current_process);
        FIRST.store(host_thread::host_pid(), Ordering::SeqCst);
    }
    Ok(())
}

/// Whose child the calling host process's next one is to be, so that it's the first one's.
pub(crate) fn parent_of_next() -> ChildOf {
    if is_first() { ChildOf::Caller } else { ChildOf::CallersParent }
}

/// A host process is about to be started. It may be killed before the host could tell of that, so [`supervise`] looks.
/// Gives the number of the start.
pub(crate) fn note_start() -> u32 {
    let number = STARTS.fetch_add(1, Ordering::SeqCst);
    if IS_QUIET.swap(false, Ordering::SeqCst) {
        ask(STARTED);
    }
    number
}

/// A host process of this id was started: who started it says so, and it does itself, since either may be killed before.
pub(crate) fn add(pid: u32, process: &Arc<HostProcess>) {
    {
        let mut others = OTHERS.lock();
        if process.is_listed.swap(true, Ordering::SeqCst) {
            return;
        }
        others.push((pid, process.clone()));
    }
    if !process.is_watched.load(Ordering::SeqCst) {
        note_start();
    }
}

/// A host process of this id brings a thread of one to an end that was killed.
pub(crate) fn add_replacement(pid: u32, process: &Arc<HostProcess>) {
    OTHERS.lock().push((pid, process.clone()));
}

/// Another thread of a host process that was killed is to be brought to an end.
pub(crate) fn look_again(pid: u32, process: &Arc<HostProcess>) {
    add_replacement(pid, process);
    ask(STARTED);
}

/// The host process of this id ends.
pub(crate) fn remove(pid: u32) {
    take(pid);
}

fn take(pid: u32) -> Option<Arc<HostProcess>> {
    let mut others = OTHERS.lock();
    let index = others.iter().position(|(other, _)| *other == pid)?;
    Some(others.swap_remove(index).1)
}

/// What a new host process does first: it ends with the first one, also when it waits for a lock that nobody gives up.
pub(crate) fn end_with_first() {
    process::signal_on_parents_end(ORPHANED_SIGNAL);
    end_if_alone();
}

/// What a new host process does when its thread is prepared.
pub(crate) fn begin() {
    // They were blocked while it was started.
    let _ = crate::ocall::signal::unblock_all();
}

/// Ends the calling host process unless the first one is its parent still, or it is that. The host tells it, too, when only
/// the thread that started it has ended. It may wait for a lock of the dead, so this takes none.
pub(crate) fn end_if_alone() {
    if !is_first() && process::parent() != FIRST.load(Ordering::SeqCst) {
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
    let ended = ask_for_end(status);
    if !is_first() {
        process::exit_here(status);
    }
    loop {
        wait_while(&STATUS, ended);
    }
}

/// Has [`supervise`] end all host processes, the first one with this exit status; gives the word that says so.
pub(crate) fn ask_for_end(status: i32) -> u32 {
    // The first status counts.
    let ended = ENDED | status as u32 & 0xff;
    let is_first_status = |status: u32| (status & ENDED == 0).then_some(ended);
    let _ = STATUS.fetch_update(Ordering::SeqCst, Ordering::SeqCst, is_first_status);
    crate::sync::wake_all(&STATUS);
    STATUS.load(Ordering::SeqCst)
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

/// The first host process; nothing while it is the only one.
pub(crate) fn first() -> Option<Arc<HostProcess>> {
    FIRST_PROCESS.get().cloned()
}

/// Has the first host process start a thread for work to come.
pub(crate) fn ask_for_thread() {
    ask(THREAD_WANTED);
}

/// The ids of all host processes but the first one.
fn others() -> Vec<u32> {
    OTHERS.lock().iter().map(|&(pid, _)| pid).collect()
}

/// The word that wakes [`supervise`], also when a host thread dies.
pub(crate) fn deaths() -> &'static AtomicU32 {
    &STATUS
}

/// Asks [`supervise`] for something.
fn ask(what: u32) {
    let with_it = |status: u32| (status & ENDED == 0).then_some(status | what);
    if STATUS.fetch_update(Ordering::SeqCst, Ordering::SeqCst, with_it).is_ok() {
        crate::sync::wake_all(&STATUS);
    }
}

fn stop_from_first() {
    for pid in others() {
        process::stop(pid);
    }
    process::stop_here();
}

/// The first host process was continued: so are the others, if the sender has left them out.
pub fn continue_others() {
    for pid in others() {
        process::go_on(pid);
    }
}

/// Ends the first host process when the LibOS has ended, wherever it has, stops it likewise, sees to signals from outside,
/// and to what is left of host processes that were killed.
fn supervise() {
    /// A host process may die while there's something else to do, and nobody is woken for it then.
    const LOOK_AGAIN: Duration = Duration::from_millis(200);
    /// Nor is anybody woken between the last look and the wait.
    const LONGEST_WAIT: Duration = Duration::from_secs(5);
    /// One surely dies when the host says so, which may take ten seconds where processors are busy.
    const LOOKS: u32 = 100;
    let mut was_busy = false;
    let mut starts = 0;
    loop {
        let status = STATUS.load(Ordering::SeqCst);
        if status & ENDED != 0 {
            break;
        }
        if status == 0 {
            let looks = if was_busy || is_any_new(&mut starts) {
                wait_while_at_most(&STATUS, 0, LOOK_AGAIN);
                was_busy = false;
                FURTHER_LOOKS
            } else {
                let start = time::now(Clock::Monotonic);
                wait_while_at_most(&STATUS, 0, LONGEST_WAIT);
                let was_woken = time::now(Clock::Monotonic).saturating_sub(start) < LONGEST_WAIT;
                if was_woken { LOOKS } else { 1 }
            };
            if STATUS.load(Ordering::SeqCst) == 0 {
                see_to_the_dead(looks);
            }
        } else if STATUS.compare_exchange(status, 0, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            was_busy = true;
            if status & STOPPING != 0 {
                stop_from_first();
            }
            if status & THREAD_WANTED != 0
                && let Err(error) = thread::spawn_service(|| {})
            {
                log::debug!("no thread more for forked programs: {error}");
            }
            crate::trap::take_host_signals();
        }
    }
    end_first()
}

/// Ends the first host process, which the calling thread is in, with the exit status that was asked for, and all others.
pub(crate) fn end_first() -> ! {
    // They end with the first one, unless they're stopped. Nothing is allocated or given up any more: one that is killed may
    // hold the heap's lock.
    if let Some(others) = OTHERS.try_lock() {
        for (pid, _) in others.iter() {
            process::kill(*pid);
        }
    }
    process::exit_here((STATUS.load(Ordering::SeqCst) & 0xff) as i32)
}

/// How often to look for further ones that die when nothing says so, for about a second.
const FURTHER_LOOKS: u32 = 20;

fn has_ended() -> bool {
    STATUS.load(Ordering::SeqCst) & ENDED != 0
}

/// Whether host processes were started since so many `starts`, or have just been, so that the host wouldn't tell if they
/// died.
fn is_any_new(starts: &mut u32) -> bool {
    IS_QUIET.store(true, Ordering::SeqCst);
    let before = core::mem::replace(starts, STARTS.load(Ordering::SeqCst));
    let is_any =
        before != *starts || OTHERS.lock().iter().any(|(_, process)| !process.is_watched.load(Ordering::SeqCst));
    if is_any {
        IS_QUIET.store(false, Ordering::SeqCst);
    }
    is_any
}

/// Some host processes may be dying: looks so often whether one is gone, and has its tasks end. Where one has died, others
/// may have been killed along with it.
fn see_to_the_dead(mut looks: u32) {
    const MOST_DOUBLINGS: u32 = 10;
    let mut look = 0;
    while look < looks && STATUS.load(Ordering::SeqCst) == 0 {
        let mut is_any_dead = false;
        crate::death::end_if_holder_died();
        for pid in others().into_iter().filter(|&pid| !process::is_there(pid)) {
            if has_ended() {
                return;
            }
            if let Some(process) = take(pid) {
                is_any_dead = true;
                crate::death::see_to(&process, pid);
            }
        }
        if is_any_dead {
            thread::wake_all();
            (look, looks) = (0, FURTHER_LOOKS);
        }
        wait_while_at_most(&STATUS, 0, Duration::from_micros(100) * (1 << look.min(MOST_DOUBLINGS)));
        look += 1;
    }
}
