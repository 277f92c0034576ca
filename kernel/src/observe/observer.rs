//! What happens around a system call when somebody looks.

use super::stats;
use super::trace::Line;
use crate::logging::descriptor;
use crate::prelude::*;
use crate::process::Thread;
use crate::syscalls::Entry;
use config::Config;
use core::fmt::Write;
use core::sync::atomic::{AtomicBool, Ordering};
use frame::ocall::file::{self, HostFd};
use frame::ocall::time::{Clock, now};
use frame::sync::Once;
use log::LevelFilter;

static IS_ON: AtomicBool = AtomicBool::new(false);
static COUNTS: AtomicBool = AtomicBool::new(false);
static TRACE: Once<HostFd> = Once::new();

/// Starts observing what `config` asks for; the log is there already.
pub fn init(config: &Config) {
    if let Some(output) = config.trace {
        TRACE.call_once(|| descriptor(output));
    }
    if config.stats {
        stats::init();
        COUNTS.store(true, Ordering::Relaxed);
    }
    // From `error` on, each call that fails is logged.
    let is_on = config.trace.is_some() || config.stats || log::max_level() >= LevelFilter::Error;
    IS_ON.store(is_on, Ordering::Relaxed);
}

/// Whether system calls must go through [`call`].
#[inline]
pub fn is_on() -> bool {
    IS_ON.load(Ordering::Relaxed)
}

/// Makes a system call and tells about it.
pub fn call(
    thread: &Arc<Thread>,
    entry: &Entry,
    args: [u64; 6],
    make: impl FnOnce() -> Result<usize>,
) -> Result<usize> {
    if !is_on() {
        return make();
    }
    let name = entry.label();
    trace!("{name} is entered");
    let is_told = TRACE.get().is_some() || log::log_enabled!(log::Level::Debug);
    let mut line = is_told.then(|| Line::begin(entry, args));
    if let Some(line) = &line {
        debug!("{}", line.call_so_far());
    }
    // A call that doesn't return has its line now.
    let ends = matches!(entry.name, "exit" | "exit_group");
    if ends {
        stats::count(entry, Ok(0), 0);
        if let Some(line) = line.take() {
            print(thread, &line.finish_without_result());
        }
    }
    let started = now(Clock::Monotonic);
    let result = make();
    let took = now(Clock::Monotonic).saturating_sub(started);
    let seen = seen_by_program(result);
    if let Err(error) = &seen {
        error!("{name} fails: {error}");
    }
    trace!("{name} is left after {took:?}");
    if COUNTS.load(Ordering::Relaxed) && !ends {
        stats::count(entry, seen, took.as_nanos() as u64);
    }
    if let Some(line) = line {
        print(thread, &line.finish(entry, seen, took));
    }
    result
}

/// What the program will have as a call's result, where that says what becomes of the host thread.
fn seen_by_program(result: Result<usize>) -> Result<usize> {
    match result {
        Err(error) if error.errno() == Errno::ELENT => {
            let result = frame::thread::lent_for().map(|result| result as usize);
            // Without one, the call is made again.
            result.ok_or(Errno::ERESTARTNOINTR.into())
        }
        // The new program starts elsewhere.
        Err(error) if error.errno() == Errno::EMOVED => Ok(0),
        result => result,
    }
}

/// Prints a line of the trace, with whose call it is.
fn print(thread: &Thread, call: &str) {
    let Some(fd) = TRACE.get() else { return };
    let (pid, tid) = (thread.process.pid(), thread.tid());
    let mut line = String::with_capacity(call.len() + 24);
    let written =
        if pid == tid { writeln!(line, "[pid {pid}] {call}") } else { writeln!(line, "[pid {pid} tid {tid}] {call}") };
    // Nothing can be done about a trace that can't be written.
    if written.is_ok() {
        let _ = file::write_message(fd, line.as_bytes());
    }
}

/// Tells the statistics, if they are asked for. Called once, at the end of the LibOS.
pub fn finish() {
    if COUNTS.swap(false, Ordering::Relaxed) {
        for line in stats::report().lines() {
            frame::boot::say(format_args!("{line}\n"));
        }
    }
}
