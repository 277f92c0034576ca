//! OCalls about host threads.

use super::file;
use super::process::Rusage;
use crate::errno::Result;
use crate::host;
use crate::thread::{ThreadBlock, at_rest};
use alloc::ffi::CString;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::arch::asm;
use core::sync::atomic::AtomicU32;
use core::time::Duration;
use linux_raw_sys::general::{
    __NR_clone, __NR_exit, __NR_getcpu, __NR_getpid, __NR_gettid, __NR_ioprio_set, __NR_prctl, __NR_sched_getaffinity,
    __NR_sched_getattr, __NR_sched_rr_get_interval, __NR_sched_setaffinity, __NR_sched_setattr, __NR_sched_yield,
    __NR_set_robust_list, __NR_setpriority, __NR_tgkill, CLONE_FILES, CLONE_FS, CLONE_PARENT, CLONE_PARENT_SETTID,
    CLONE_SIGHAND, CLONE_SYSVSEM, CLONE_THREAD, CLONE_VM,
};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The host's id of the calling process.
pub(crate) fn host_pid() -> u32 {
    // SAFETY: no effect.
    unsafe { host::raw(__NR_getpid, [0; 6]) as u32 }
}

/// The host's id of the calling thread.
pub(crate) fn host_tid() -> u32 {
    // SAFETY: no effect.
    unsafe { host::raw(__NR_gettid, [0; 6]) as u32 }
}

/// Sends the wake signal to a thread; a thread that is gone isn't an error.
pub(crate) fn interrupt(process: u32, thread: u32) {
    // SAFETY: our handler for the signal may run at any point.
    let _ = unsafe {
        host::call(__NR_tgkill, [process as usize, thread as usize, crate::trap::WAKE_SIGNAL as usize, 0, 0, 0])
    };
}

/// Gives up the processor.
pub fn yield_now() {
    // SAFETY: no effect on memory.
    let _ = unsafe { host::call(__NR_sched_yield, [0; 6]) };
}

/// What the host tells of a thread, whichever of its processes it's in (`man 5 proc_pid_stat`).
#[derive(Clone, Copy, Debug)]
pub struct Activity {
    /// What it does: `R` runs, `S` sleeps, `D` waits for a device, ...
    pub state: u8,
    /// The processor that it ran on last.
    pub processor: u32,
    /// Its processor time, in hundredths of a second, and its page faults.
    pub usage: Rusage,
}

/// What a host thread does, and what it has used since it started; nothing if it's gone or the host doesn't tell.
pub(crate) fn activity(process: u32, thread: u32) -> Option<Activity> {
    Activity::parse(&proc_file(process, thread, "stat")?)
}

/// The processor time of a host thread, whichever process of the host it's in; nothing if it's gone or the host doesn't
/// tell.
pub(crate) fn run_time(process: u32, thread: u32) -> Option<Duration> {
    let text = proc_file(process, thread, "schedstat")?;
    Some(Duration::from_nanos(text.split(' ').next()?.parse().ok()?))
}

/// A file about a thread in the host's `/proc`.
fn proc_file(process: u32, thread: u32, name: &str) -> Option<String> {
    // Longer ones have fields that nobody asks for.
    const MAX: usize = 512;
    let path = CString::new(format!("/proc/{process}/task/{thread}/{name}")).ok()?;
    let mut text = [0; MAX];
    let count = file::read_proc(&file::open_proc(&path).ok()?, 0, &mut text).ok()?;
    Some(str::from_utf8(text.get(..count)?).ok()?.to_string())
}

impl Activity {
    fn parse(stat: &str) -> Option<Self> {
        const FIRST_FIELD: usize = 3;
        // The name may hold anything.
        let (_, behind_name) = stat.rsplit_once(") ")?;
        let fields: Vec<&str> = behind_name.split_ascii_whitespace().collect();
        let number = |field: usize| fields.get(field - FIRST_FIELD)?.parse::<i64>().ok().filter(|&number| number >= 0);
        let time = |field| number(field).map(|ticks| [ticks / 100, ticks % 100 * 10_000]);
        let usage = Rusage {
            minflt: number(10)?,
            majflt: number(12)?,
            utime: time(14)?,
            stime: time(15)?,
            ..Rusage::default()
        };
        Some(Self { state: *fields.first()?.as_bytes().first()?, processor: u32::try_from(number(39)?).ok()?, usage })
    }
}

/// The processor and NUMA node that the calling thread runs on.
pub fn cpu_and_node() -> (u32, u32) {
    let (mut cpu, mut node) = (0_u32, 0_u32);
    // SAFETY: the host writes two words.
    let _ = unsafe { host::call(__NR_getcpu, [&raw mut cpu as usize, &raw mut node as usize, 0, 0, 0, 0]) };
    (cpu, node)
}

/// The longest processor mask that is looked at, in bytes: 8192 processors, as many as Linux can have.
pub const MAX_CPU_MASK: usize = 1024;

/// The processors that a host thread may run on, as a bit mask; gives the bytes filled.
///
/// # Errors
/// `ESRCH` if the thread is gone, `EINVAL` if the mask is too short.
pub(crate) fn affinity(host_tid: u32, mask: &mut [u8]) -> Result<usize> {
    // SAFETY: the host writes at most the mask's length.
    let len = unsafe {
        host::call(__NR_sched_getaffinity, [host_tid as usize, mask.len() & !7, mask.as_mut_ptr() as usize, 0, 0, 0])?
    };
    Ok(len.min(mask.len()))
}

/// Limits the processors that a host thread may run on.
///
/// # Errors
/// `ESRCH` if the thread is gone, `EINVAL` if the mask has no processor of the host.
pub(crate) fn set_affinity(host_tid: u32, mask: &[u8]) -> Result<()> {
    // SAFETY: the host reads the mask.
    unsafe {
        host::call(__NR_sched_setaffinity, [host_tid as usize, mask.len(), mask.as_ptr() as usize, 0, 0, 0])?;
    }
    Ok(())
}

/// `struct sched_attr` of `linux/sched/types.h`.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[expect(missing_docs, reason = "the fields are Linux's")]
pub struct SchedAttr {
    pub size: u32,
    pub policy: u32,
    pub flags: u64,
    pub nice: i32,
    pub priority: u32,
    pub runtime: u64,
    pub deadline: u64,
    pub period: u64,
    pub util_min: u32,
    pub util_max: u32,
}

/// How a host thread is scheduled.
///
/// # Errors
/// `ESRCH` if the thread is gone.
pub(crate) fn scheduling(host_tid: u32) -> Result<SchedAttr> {
    let mut attr = SchedAttr::default();
    let place = &raw mut attr as usize;
    // SAFETY: the host writes at most the structure's size.
    unsafe { host::call(__NR_sched_getattr, [host_tid as usize, place, size_of::<SchedAttr>(), 0, 0, 0])? };
    Ok(attr)
}

/// Sets policy, priority and, for policies that have one, the nice value of a host thread.
///
/// # Errors
/// `ESRCH` if the thread is gone, `EPERM` where the host doesn't allow it, `EINVAL`.
pub(crate) fn set_scheduling(host_tid: u32, attr: &SchedAttr) -> Result<()> {
    let attr = SchedAttr { size: size_of::<SchedAttr>() as u32, ..*attr };
    // SAFETY: the host reads the structure.
    unsafe { host::call(__NR_sched_setattr, [host_tid as usize, &raw const attr as usize, 0, 0, 0, 0])? };
    Ok(())
}

/// Sets a host thread's nice value, whatever its policy.
///
/// # Errors
/// `ESRCH` if the thread is gone, `EACCES` or `EPERM` where the host doesn't allow it.
pub(crate) fn set_nice(host_tid: u32, nice: i8) -> Result<()> {
    const PRIO_PROCESS: usize = 0;
    // SAFETY: no effect on memory.
    unsafe { host::call(__NR_setpriority, [PRIO_PROCESS, host_tid as usize, nice as usize, 0, 0, 0])? };
    Ok(())
}

/// Sets a host thread's I/O priority, packed as `man 2 ioprio_set` says.
///
/// # Errors
/// `ESRCH` if the thread is gone, `EPERM` where the host doesn't allow it, `EINVAL`.
pub(crate) fn set_io_priority(host_tid: u32, priority: u16) -> Result<()> {
    const IOPRIO_WHO_PROCESS: usize = 1;
    // SAFETY: no effect on memory.
    unsafe { host::call(__NR_ioprio_set, [IOPRIO_WHO_PROCESS, host_tid as usize, priority as usize, 0, 0, 0])? };
    Ok(())
}

/// The time slice that the host gives a thread; zero if it has no end.
///
/// # Errors
/// `ESRCH` if the thread is gone.
pub(crate) fn time_slice(host_tid: u32) -> Result<Duration> {
    let mut interval = [0_i64; 2];
    // SAFETY: the host writes a `struct timespec`.
    unsafe {
        host::call(__NR_sched_rr_get_interval, [host_tid as usize, interval.as_mut_ptr() as usize, 0, 0, 0, 0])?;
    }
    let [seconds, nanoseconds] = interval.map(|word| word.max(0).cast_unsigned());
    Ok(Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanoseconds)))
}

/// Sets by how much the host may delay the calling thread's wake-ups, in nanoseconds.
pub(crate) fn set_timer_slack(slack_ns: u64) {
    const PR_SET_TIMERSLACK: usize = 29;
    // SAFETY: no effect on memory.
    let _ = unsafe { host::call(__NR_prctl, [PR_SET_TIMERSLACK, slack_ns as usize, 0, 0, 0, 0]) };
}

/// Starts a host thread at `start` with `argument`, on the stack that ends at `stack_top`. `tid` gets its id.
///
/// # Errors
/// `EAGAIN` at the host's limit of threads, `ENOMEM`.
///
/// # Safety
/// The stack belongs to the new thread, `start` never returns, and `tid` outlives the thread.
pub(crate) unsafe fn clone_thread(
    stack_top: usize,
    argument: usize,
    start: unsafe extern "C" fn(*mut ThreadBlock) -> !,
    tid: &AtomicU32,
) -> Result<()> {
    let flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_PARENT_SETTID;
    // SAFETY: passed on to the caller.
    at_rest(|| unsafe { clone(flags, stack_top, argument, start, tid) }).map(drop)
}

/// What the host walks when a thread dies (`struct robust_list_head` of `linux/futex.h`): an empty list, and one word that
/// is about to be locked or unlocked. If that is 0, the host wakes one who sleeps on it.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct RobustList {
    first: *const Self,
    offset: isize,
    pending: *const AtomicU32,
}

impl RobustList {
    /// For a thread whose death is to be seen by who sleeps on `word` while that is 0.
    pub(crate) fn new(word: &'static AtomicU32) -> Self {
        Self { first: core::ptr::null(), offset: 0, pending: word }
    }
}

/// Has the host tell of the calling thread's death by this list.
///
/// # Safety
/// The list stays where it is until [`forget_death`].
pub(crate) unsafe fn announce_death(list: *mut RobustList) {
    // SAFETY: the caller's. The host changes nothing at the thread's end, as the word isn't locked by the thread.
    unsafe {
        // Empty lists end where they start.
        (*list).first = list;
        let _ = host::call(__NR_set_robust_list, [list as usize, size_of::<RobustList>(), 0, 0, 0, 0]);
    }
}

/// The calling thread is about to end by itself.
pub(crate) fn forget_death() {
    // SAFETY: no effect on memory.
    let _ = unsafe { host::call(__NR_set_robust_list, [0, size_of::<RobustList>(), 0, 0, 0, 0]) };
}

/// Whose child a new host process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChildOf {
    /// The calling host process.
    Caller,
    /// The parent of that.
    CallersParent,
}

/// Starts a host process with a copy of the calling one's memory and the same descriptors; otherwise as
/// [`clone_thread`]. Gives its id.
///
/// # Errors
/// `EAGAIN` at the host's limit of processes, `ENOMEM`.
///
/// # Safety
/// As for [`clone_thread`].
pub(crate) unsafe fn clone_process(
    child_of: ChildOf,
    stack_top: usize,
    argument: usize,
    start: unsafe extern "C" fn(*mut ThreadBlock) -> !,
    tid: &AtomicU32,
) -> Result<u32> {
    const SIGCHLD: u32 = 17;
    let relation = match child_of {
        ChildOf::Caller => SIGCHLD,
        ChildOf::CallersParent => CLONE_PARENT,
    };
    let flags = CLONE_FS | CLONE_FILES | CLONE_PARENT_SETTID | relation;
    // SAFETY: passed on to the caller.
    at_rest(|| unsafe { clone(flags, stack_top, argument, start, tid) })
}

unsafe fn clone(
    flags: u32,
    stack_top: usize,
    argument: usize,
    start: unsafe extern "C" fn(*mut ThreadBlock) -> !,
    tid: &AtomicU32,
) -> Result<u32> {
    crate::sync::share_words();
    let result: isize;
    // SAFETY: the child continues behind the system call on its own stack, with all registers but rax and rsp as the
    // parent's, and jumps to `start` without touching anything of the parent's frame.
    unsafe {
        asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "mov rdi, r12",
            "jmp r13",
            "2:",
            inlateout("rax") __NR_clone as isize => result,
            in("rdi") flags as usize,
            in("rsi") stack_top,
            in("rdx") tid.as_ptr(),
            in("r10") tid.as_ptr(),
            in("r8") 0,
            in("r12") argument,
            in("r13") start,
            lateout("rcx") _, lateout("r11") _,
        );
    }
    if result < 0 {
        return Err(crate::errno::Errno::from_raw(-result as i32)
            .map_or(crate::errno::Errno::EAGAIN.into(), crate::errno::Error::from));
    }
    Ok(result as u32)
}

/// Ends the calling host thread, and clears `tid` when it doesn't need its stack any more; the last thread of a host
/// process ends that as well.
///
/// # Safety
/// `tid` is the word that was given to the host when the thread was started.
pub(crate) unsafe fn exit_leaving(tid: *const AtomicU32) -> ! {
    // SAFETY: signals are blocked, so nothing runs on the stack once the word is cleared.
    unsafe {
        super::signal::block_all();
        asm!(
            "mov dword ptr [{tid}], 0",
            "xor edi, edi",
            "mov eax, {exit}",
            "syscall",
            "ud2",
            tid = in(reg) tid,
            exit = const __NR_exit,
            options(noreturn, nostack),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_stat_is_read_whatever_the_name() {
        let line =
            "7 (a) b) R 1 1 1 0 -1 4194304 11 0 12 0 314 9 0 0 20 0 1 0 99 1 1 1 1 1 1 0 0 0 0 0 0 0 0 0 17 3 0 0\n";
        let activity = Activity::parse(line).unwrap();
        assert_eq!((activity.state, activity.processor), (b'R', 3));
        assert_eq!((activity.usage.minflt, activity.usage.majflt), (11, 12));
        assert_eq!((activity.usage.utime, activity.usage.stime), ([3, 140_000], [0, 90_000]));
    }

    #[test]
    fn a_line_of_stat_that_ends_early_is_refused() {
        assert!(Activity::parse("7 (a) R 1 1").is_none());
        assert!(Activity::parse("").is_none());
    }
}
