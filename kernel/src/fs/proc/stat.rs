//! `stat`, `statm`, `schedstat` and `io` of a process or thread (`man 5 proc_pid_stat`).

use super::subject::Subject;
use crate::mm::Totals;
use crate::prelude::*;
use crate::process::{Policy, Resource, Thread, Transfers};
use frame::layout::PAGE_SIZE;
use frame::ocall::pagemap::Resident;
use frame::ocall::process::Rusage;
use frame::ocall::thread::Activity;

/// What a process or thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Running,
    Sleeping,
    WaitingForDisk,
    Stopped,
    Zombie,
}

impl State {
    /// Of a thread, of which the host tells that.
    fn of(thread: Option<&Thread>, activity: Option<&Activity>) -> Self {
        match (thread, activity.map(|activity| activity.state)) {
            (None, _) => Self::Zombie,
            (Some(thread), _) if thread.is_calling() => Self::Running,
            (Some(thread), _) if thread.process.job.is_stopped() => Self::Stopped,
            (_, Some(b'R')) => Self::Running,
            (_, Some(b'D')) => Self::WaitingForDisk,
            // That of the init process, which the host knows nothing of.
            _ => Self::Sleeping,
        }
    }

    pub(super) fn letter(self) -> char {
        match self {
            Self::Running => 'R',
            Self::Sleeping => 'S',
            Self::WaitingForDisk => 'D',
            Self::Stopped => 'T',
            Self::Zombie => 'Z',
        }
    }

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Running => "R (running)",
            Self::Sleeping => "S (sleeping)",
            Self::WaitingForDisk => "D (disk sleep)",
            Self::Stopped => "T (stopped)",
            Self::Zombie => "Z (zombie)",
        }
    }
}

/// A look at a process or thread.
pub(super) struct Look {
    /// Nothing for a process that has ended.
    pub(super) thread: Option<Arc<Thread>>,
    pub(super) state: State,
    /// The processor that it ran on last.
    processor: u32,
    pub(super) threads: usize,
}

impl Look {
    pub(super) fn at(of: &Subject) -> Result<Self> {
        let thread = of.live()?;
        let activity = thread.as_ref().and_then(|thread| thread.handle()).and_then(|handle| handle.activity());
        let (threads, has_first) = {
            let threads = of.process.threads.lock();
            (threads.len(), threads.contains_key(&of.process.pid()))
        };
        // A first thread that has ended stays, as a zombie, as long as others live.
        let shown = thread.as_deref().filter(|_| has_first || of.thread.is_some());
        // Who is a zombie can be waited for.
        let is_ending = thread.is_none() && of.process.zombie_status().is_none();
        Ok(Self {
            state: if is_ending { State::Running } else { State::of(shown, activity.as_ref()) },
            processor: activity.map_or(0, |activity| activity.processor),
            threads: threads + usize::from(!has_first),
            thread,
        })
    }
}

/// What a process or thread has used.
pub(super) fn usage(of: &Subject) -> Rusage {
    match &of.thread {
        Some(thread) => thread.usage(),
        None => of.process.usage(),
    }
}

/// Its name.
pub(super) fn name(of: &Subject, thread: Option<&Thread>) -> Vec<u8> {
    thread.map_or_else(|| of.process.name(), |thread| thread.name.lock().clone())
}

/// Sizes of its memory, and what of it is there.
pub(super) fn sizes(thread: Option<&Thread>) -> (Totals, Resident) {
    let Some(thread) = thread else { return Default::default() };
    let memory = thread.process.memory();
    let totals = memory.totals();
    let resident = match thread.handle() {
        Some(handle) if totals.mapped > 0 => memory.resident_pages(handle.host_pid()),
        _ => Resident::default(),
    };
    (totals, resident)
}

fn ticks([secs, micros]: [i64; 2]) -> i64 {
    secs * 100 + micros / 10_000
}

/// `/proc/PID/stat`.
pub(super) fn stat(of: &Subject) -> Result<Vec<u8>> {
    let look = Look::at(of)?;
    let process = &of.process;
    let thread = look.thread.as_deref();
    let (totals, resident) = sizes(thread);
    let (usage, children) = (usage(of), process.usage_of_children());
    let name = name(of, thread);
    let (nice, policy) = thread.map_or((0, Policy::Other), |thread| {
        let settings = thread.settings.lock();
        (settings.nice, settings.policy)
    });
    let (priority, realtime, policy) = priorities(nice, policy);
    let [pending, blocked, ignored, caught] = signals(of, thread);
    let stack = if thread.is_some() { process.program.read().stack_start } else { 0 };
    let (tty, foreground) = match process.terminal() {
        Some(terminal) => (terminal.device(), i64::from(terminal.foreground())),
        None => (0, -1),
    };
    let exit_code =
        process.zombie_status().map_or(0, |status| crate::process::wait::Change::from(status).status_word());
    let mut text = format!("{} (", of.tid()).into_bytes();
    text.extend_from_slice(&name);
    let rest = format!(
        ") {} {} {} {} {tty} {foreground} {flags} {} {} {} {} {} {} {} {} {priority} {nice} {} 0 {} {} {} {} \
         {code} {code} {stack} 0 0 {} {} {} {} 0 0 0 {} {} {realtime} {policy} 0 0 0 0 0 0 0 0 0 0 {exit_code}\n",
        look.state.letter(),
        process.ppid(),
        process.group(),
        process.session(),
        usage.minflt,
        children.minflt,
        usage.majflt,
        children.majflt,
        ticks(usage.utime),
        ticks(usage.stime),
        ticks(children.utime),
        ticks(children.stime),
        look.threads,
        process.started.as_millis() / 10,
        totals.mapped,
        resident.pages(),
        process.limits.lock().soft(Resource::Rss),
        pending & SHOWN_SIGNALS,
        blocked & SHOWN_SIGNALS,
        ignored & SHOWN_SIGNALS,
        caught & SHOWN_SIGNALS,
        process.exit_signal(),
        look.processor,
        flags = 0x40_0000,
        code = u8::from(thread.is_some()),
    );
    text.extend_from_slice(rest.as_bytes());
    Ok(text)
}

/// Linux shows the standard signals here.
const SHOWN_SIGNALS: u64 = 0x7fff_ffff;

/// As Linux shows them: priority, real-time priority, policy.
fn priorities(nice: i8, policy: Policy) -> (i32, u8, u8) {
    let usual = 20 + i32::from(nice);
    match policy {
        Policy::Other => (usual, 0, 0),
        Policy::Fifo(priority) => (-1 - i32::from(priority), priority, 1),
        Policy::RoundRobin(priority) => (-1 - i32::from(priority), priority, 2),
        Policy::Batch => (usual, 0, 3),
        Policy::Idle => (usual, 0, 5),
    }
}

/// Signals pending for the thread alone, blocked, ignored and caught.
pub(super) fn signals(of: &Subject, thread: Option<&Thread>) -> [u64; 4] {
    let Some(thread) = thread else { return [0; 4] };
    let [pending, blocked] = {
        let signals = thread.signals.lock();
        [signals.pending_bits(), signals.mask_bits()]
    };
    let dispositions = of.process.dispositions();
    let dispositions = dispositions.lock();
    [pending, blocked, dispositions.ignored_bits(), dispositions.caught_bits()]
}

/// `/proc/PID/statm`.
pub(super) fn statm(of: &Subject) -> Result<Vec<u8>> {
    let thread = of.live()?;
    let (totals, resident) = sizes(thread.as_deref());
    let [size, code, data] = [totals.mapped, totals.code, totals.data + totals.stack].map(|bytes| bytes / PAGE_SIZE);
    Ok(format!("{size} {} {} {code} 0 {data} 0\n", resident.pages(), resident.of_files).into_bytes())
}

/// `/proc/PID/schedstat`; nobody counts how long threads wait for a processor, and how often.
pub(super) fn schedstat(of: &Subject) -> Result<Vec<u8>> {
    of.live()?;
    let time = of.thread.as_ref().map_or_else(|| of.process.cpu_time(), |thread| thread.cpu_time());
    Ok(format!("{} 0 0\n", time.as_nanos()).into_bytes())
}

/// `/proc/PID/io`: what the process or thread has transferred; what the disk had to do for it is what the host counts.
pub(super) fn io(of: &Subject) -> Result<Vec<u8>> {
    of.live()?;
    let usage = usage(of);
    let [read, written] = [usage.inblock, usage.oublock].map(|blocks| blocks * 512);
    let Transfers { read_bytes, written_bytes, reads, writes } = match &of.thread {
        Some(thread) => thread.io.transfers(),
        None => of.process.transfers(),
    };
    Ok(format!(
        "rchar: {read_bytes}\nwchar: {written_bytes}\nsyscr: {reads}\nsyscw: {writes}\nread_bytes: {read}\n\
         write_bytes: {written}\ncancelled_write_bytes: 0\n"
    )
    .into_bytes())
}
