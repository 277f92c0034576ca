//! The door to the host: raw system calls, the only place where one is issued.
//!
//! [`call`] returns at once or is restarted by the host; [`call_blocking`] may sleep, and ends as soon as
//! the thread is wanted for a signal, even if that comes between the last look and the host's system call: the trap
//! handler finds the thread inside [`blocking_call_window`] and moves it to the way out. [`call_sleeping`] ends likewise when
//! somebody changes a word and sends the thread the wake signal.

use crate::errno::{Errno, Error, Result};
use core::arch::{asm, naked_asm};
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use core::time::Duration;

/// What ends a call of the host that waits for files, beside those.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Until<'a> {
    /// It isn't 0 any more. Who changes it sends the thread the wake signal.
    pub(crate) word: &'a AtomicU32,
    /// So much time has passed.
    pub(crate) timeout: Option<Duration>,
}

/// Issues host system call `nr`.
///
/// # Safety
/// The caller vouches for what the call does to memory, descriptors and threads.
pub(crate) unsafe fn raw(nr: u32, args: [usize; 6]) -> isize {
    #[cfg(any(test, feature = "injection"))]
    if let Some(answer) = crate::injection::answer(nr, args) {
        return answer;
    }
    let result: isize;
    // SAFETY: the kernel keeps all registers but rax, rcx and r11; memory effects are the caller's promise.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") nr as isize => result,
            in("rdi") args[0], in("rsi") args[1], in("rdx") args[2],
            in("r10") args[3], in("r8") args[4], in("r9") args[5],
            lateout("rcx") _, lateout("r11") _,
            options(nostack),
        );
    }
    result
}

/// Issues host system call `nr` and decodes its result; counted and timed as OCall `nr` when statistics are on.
///
/// Returning costs more than it seems: after a call of the host, processors don't predict where to.
///
/// # Safety
/// As for [`raw`].
#[inline]
pub(crate) unsafe fn call(nr: u32, args: [usize; 6]) -> Result<usize> {
    let started = start_clock();
    // SAFETY: passed on to the caller.
    let result = unsafe { raw(nr, args) };
    account(nr, started);
    decode(result)
}

/// As [`call`], where whoever holds locks is prepared for it to fail: what they protect is consistent meanwhile, so they
/// are given up if the host process is killed.
///
/// # Safety
/// As for [`raw`].
#[inline]
pub(crate) unsafe fn call_at_rest(nr: u32, args: [usize; 6]) -> Result<usize> {
    // SAFETY: passed on to the caller.
    crate::thread::at_rest(|| unsafe { call(nr, args) })
}

/// As [`call`], for calls that may sleep: fails with `ERESTARTSYS` when the thread is wanted. So the program's call is made
/// again unless a handler runs that says otherwise.
///
/// # Safety
/// As for [`raw`]. Must be called on a LibOS thread, which holds no lock.
#[inline]
pub(crate) unsafe fn call_blocking(nr: u32, args: [usize; 6]) -> Result<usize> {
    #[cfg(debug_assertions)]
    crate::sync::assert_nothing_held();
    let started = start_clock();
    // SAFETY: passed on to the caller.
    let result = unsafe { sleep(nr, args, crate::thread::pending_word()) };
    account(nr, started);
    match decode(result) {
        Err(error) if error.errno() == Errno::EINTR => Err(Errno::ERESTARTSYS.into()),
        result => result,
    }
}

/// As [`call`], for calls that may sleep whatever the thread is wanted for, but not while `word`, if there's one, isn't 0; may
/// end with `EINTR` for no reason.
///
/// # Safety
/// As for [`raw`].
pub(crate) unsafe fn call_sleeping(nr: u32, args: [usize; 6], word: Option<&AtomicU32>) -> Result<usize> {
    static UNWANTED: u32 = 0;
    let started = start_clock();
    // SAFETY: passed on to the caller.
    let result = unsafe { sleep(nr, args, word.map_or(&raw const UNWANTED, |word| word.as_ptr().cast_const())) };
    account(nr, started);
    decode(result)
}

/// Issues a call unless `*wanted` isn't 0.
#[inline]
unsafe fn sleep(nr: u32, args: [usize; 6], wanted: *const u32) -> isize {
    // In unit tests and in the command line, threads have no block, and nobody wants them.
    if !crate::boot::is_booted() {
        // SAFETY: passed on to the caller.
        return unsafe { raw(nr, args) };
    }
    #[cfg(any(test, feature = "injection"))]
    if let Some(answer) = crate::injection::answer(nr, args) {
        return answer;
    }
    let frame = [nr as usize, args[0], args[1], args[2], args[3], args[4], args[5]];
    // SAFETY: `frame` has the seven words that the routine loads; the effects are the caller's promise.
    unsafe { blocking_call(&raw const frame, wanted) }
}

/// Goes on where a dead host thread of the calling thread's block slept, as if the call had been interrupted.
///
/// # Safety
/// `sleeper` is what the dead one left in the block; nothing else uses the stack from there on.
pub(crate) unsafe fn wake_dead_sleeper(sleeper: usize) -> ! {
    // SAFETY: the caller's.
    unsafe { asm!("mov rsp, {}", "jmp enclos_blocking_abort", in(reg) sleeper, options(noreturn)) }
}

/// The addresses `[start, end)` in which a blocking call hasn't reached the host yet, and where to go to give it up.
pub(crate) fn blocking_call_window() -> (usize, usize, usize) {
    (
        (&raw const enclos_blocking_start) as usize,
        (&raw const enclos_blocking_issued) as usize,
        (&raw const enclos_blocking_abort) as usize,
    )
}

unsafe extern "C" {
    static enclos_blocking_start: u8;
    static enclos_blocking_issued: u8;
    static enclos_blocking_abort: u8;
}

#[unsafe(naked)]
unsafe extern "C" fn blocking_call(frame: *const [usize; 7], pending: *const u32) -> isize {
    naked_asm!(
        // What another host thread needs to go on here if this one dies.
        "push rbx",
        "push rbp",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "mov gs:[{sleeper}], rsp",
        "mov r11, rdi",
        "mov rcx, rsi",
        "mov rax, [r11]",
        "mov rdi, [r11 + 8]",
        "mov rsi, [r11 + 16]",
        "mov rdx, [r11 + 24]",
        "mov r10, [r11 + 32]",
        "mov r8, [r11 + 40]",
        "mov r9, [r11 + 48]",
        ".globl enclos_blocking_start",
        "enclos_blocking_start:",
        "cmp dword ptr [rcx], 0",
        "jne enclos_blocking_abort",
        "syscall",
        ".globl enclos_blocking_issued",
        "enclos_blocking_issued:",
        "2:",
        "mov qword ptr gs:[{sleeper}], 0",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbp",
        "pop rbx",
        // A jump is predicted, other than a return.
        "pop rcx",
        "jmp rcx",
        ".globl enclos_blocking_abort",
        "enclos_blocking_abort:",
        "mov rax, -4",
        "jmp 2b",
        sleeper = const crate::thread::SLEEPER_SLOT,
    )
}

#[inline]
fn decode(result: isize) -> Result<usize> {
    if (-4095..0).contains(&result) { Err(error(result)) } else { Ok(result as usize) }
}

#[cold]
fn error(result: isize) -> Error {
    // An errno that Linux doesn't have is an answer that can't be trusted.
    Errno::from_raw(-result as i32).map_or(Error::new(Errno::EIO, "the host gave an unknown error"), Error::from)
}

/// The number of host system calls that are counted one by one.
const COUNTED: usize = 512;

/// Whether OCalls are counted and timed.
static STATISTICS: AtomicBool = AtomicBool::new(false);
/// Count and nanoseconds per host system call, in the arena so that all host processes share it.
static COUNTERS: spin::Once<alloc::boxed::Box<[[AtomicU64; 2]; COUNTED]>> = spin::Once::new();

/// Starts counting and timing OCalls.
pub fn enable_statistics() {
    COUNTERS.call_once(|| alloc::boxed::Box::new([const { [AtomicU64::new(0), AtomicU64::new(0)] }; COUNTED]));
    STATISTICS.store(true, Ordering::Relaxed);
}

/// Calls `visit` with number, count and total nanoseconds of each host system call that was made.
pub fn visit_statistics(mut visit: impl FnMut(u32, u64, u64)) {
    if let Some(counters) = COUNTERS.get() {
        for (nr, [count, ns]) in counters.iter().enumerate() {
            let count = count.load(Ordering::Relaxed);
            if count > 0 {
                visit(nr as u32, count, ns.load(Ordering::Relaxed));
            }
        }
    }
}

fn start_clock() -> Option<u64> {
    STATISTICS.load(Ordering::Relaxed).then(monotonic_ns)
}

#[inline]
fn account(nr: u32, started: Option<u64>) {
    if let Some(started) = started {
        add_up(nr, started);
    }
}

#[cold]
fn add_up(nr: u32, started: u64) {
    if let Some([count, ns]) = COUNTERS.get().and_then(|counters| counters.get(nr as usize)) {
        count.fetch_add(1, Ordering::Relaxed);
        ns.fetch_add(monotonic_ns().saturating_sub(started), Ordering::Relaxed);
    }
}

fn monotonic_ns() -> u64 {
    crate::ocall::time::now(crate::ocall::time::Clock::Monotonic).as_nanos() as u64
}
