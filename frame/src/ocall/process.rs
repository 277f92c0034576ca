//! OCalls about the host process as a whole.

use crate::errno::{Errno, Result};
use crate::host;
use crate::user::Sink;
use alloc::vec::Vec;
use core::arch::asm;
use core::sync::atomic::{AtomicI32, Ordering};
use core::time::Duration;
use linux_raw_sys::general::{
    __NR_close, __NR_exit_group, __NR_getcwd, __NR_getegid, __NR_geteuid, __NR_getgroups, __NR_getpgid, __NR_getppid,
    __NR_getrandom, __NR_getrusage, __NR_getsid, __NR_kill, __NR_open, __NR_prctl, __NR_prlimit64, __NR_read,
    __NR_sysinfo, __NR_tgkill, __NR_umask, __NR_uname, O_CLOEXEC,
};
use zerocopy::{FromBytes, Immutable, IntoBytes};

const SIGKILL: usize = 9;
const SIGCONT: usize = 18;
const SIGSTOP: usize = 19;

/// The LibOS's own descriptor of the standard error that it was started with, since programs may close theirs.
static STDERR: AtomicI32 = AtomicI32::new(2);

/// Keeps standard error for the LibOS's own messages.
pub(crate) fn keep_stderr() {
    if let Ok(fd) = super::file::duplicate_high(2) {
        STDERR.store(fd, Ordering::Relaxed);
    }
}

/// A descriptor of the standard error that the LibOS was started with.
pub fn standard_error() -> super::file::HostFd {
    super::file::HostFd::from_launcher(STDERR.load(Ordering::Relaxed))
}

/// The working directory of the host process, absolute; `None` if it has none that can be named.
pub fn working_directory() -> Option<Vec<u8>> {
    const PATH_MAX: usize = 4096;
    let mut path = alloc::vec![0; PATH_MAX];
    // SAFETY: the host writes at most the given length.
    let len = unsafe { host::call(__NR_getcwd, [path.as_mut_ptr() as usize, PATH_MAX, 0, 0, 0, 0]) }.ok()?;
    // The length counts a NUL. A directory outside of the root starts with `(unreachable)`.
    path.truncate(len.min(PATH_MAX).checked_sub(1)?);
    path.starts_with(b"/").then_some(path)
}

/// The effective user and group id of the host process.
pub fn user_and_group() -> (u32, u32) {
    // SAFETY: no effect on memory. They can't fail.
    let [user, group] = [__NR_geteuid, __NR_getegid].map(|nr| unsafe { host::raw(nr, [0; 6]) });
    (user as u32, group as u32)
}

/// The supplementary groups of the host process.
///
/// # Errors
/// `EIO` if the host gives more than Linux allows.
pub fn groups() -> Result<Vec<u32>> {
    const NGROUPS_MAX: usize = 0x1_0000;
    // SAFETY: only asks for the count.
    let count = unsafe { host::call(__NR_getgroups, [0; 6])? };
    if count == 0 {
        return Ok(Vec::new());
    }
    if count > NGROUPS_MAX {
        return Err(Errno::EIO.into());
    }
    let mut groups = alloc::vec![0_u32; count];
    // SAFETY: the host writes at most that many.
    let count = unsafe { host::call(__NR_getgroups, [count, groups.as_mut_ptr() as usize, 0, 0, 0, 0])? };
    groups.truncate(count);
    Ok(groups)
}

/// Ends the LibOS, in all of its host processes, with this exit status.
pub fn exit(status: i32) -> ! {
    crate::host_process::exit(status)
}

/// Ends the calling host process, and with it all of its threads, with this exit status.
pub(crate) fn exit_here(status: i32) -> ! {
    // SAFETY: doesn't return.
    unsafe {
        host::raw(__NR_exit_group, [status as usize, 0, 0, 0, 0, 0]);
        asm!("ud2", options(noreturn))
    }
}

/// Stops the calling host process until it is continued.
pub(crate) fn stop_here() {
    let (pid, tid) = (super::thread::host_pid() as usize, super::thread::host_tid() as usize);
    // Sent to this very thread, so that it doesn't run on until another one has taken the signal.
    // SAFETY: no effect on memory.
    let _ = unsafe { host::call(__NR_tgkill, [pid, tid, SIGSTOP, 0, 0, 0]) };
}

/// Stops another host process of this LibOS.
pub(crate) fn stop(pid: u32) {
    send(pid, SIGSTOP);
}

/// Continues another host process of this LibOS.
pub(crate) fn go_on(pid: u32) {
    send(pid, SIGCONT);
}

/// Whether the host process leads its process group, and its session.
pub fn leads_group_and_session() -> [bool; 2] {
    let own = super::thread::host_pid() as usize;
    // SAFETY: no effect on memory.
    [__NR_getpgid, __NR_getsid].map(|nr| unsafe { host::call(nr, [0; 6]) } == Ok(own))
}

/// Kills a host process of this LibOS.
pub(crate) fn kill(pid: u32) {
    send(pid, SIGKILL);
}

fn send(pid: u32, signal: usize) {
    // SAFETY: the process is one of ours.
    let _ = unsafe { host::call(__NR_kill, [pid as usize, signal, 0, 0, 0, 0]) };
}

/// Whether nobody outside looks after the host process's group as a shell does: no member's parent is in another group
/// of the session. Only the calling process's own line of parents is looked at, as all of a job have the same.
pub fn group_is_orphaned() -> bool {
    let [group, session] = [__NR_getpgid, __NR_getsid].map(|nr| id_of(nr, 0));
    let mut ancestor = parent();
    // A process's ancestors are finite in number, unless the host makes them up.
    for _ in 0..1000 {
        if ancestor == 0 || id_of(__NR_getsid, ancestor) != session {
            return true;
        }
        if id_of(__NR_getpgid, ancestor) != group {
            return false;
        }
        let Some(next) = parent_of(ancestor) else { return true };
        ancestor = next;
    }
    true
}

fn id_of(nr: u32, pid: u32) -> Option<usize> {
    // SAFETY: no effect on memory.
    unsafe { host::call(nr, [pid as usize, 0, 0, 0, 0, 0]) }.ok()
}

/// The parent of a process of the host, as `/proc/PID/stat` has it.
fn parent_of(pid: u32) -> Option<u32> {
    let path = alloc::ffi::CString::new(alloc::format!("/proc/{pid}/stat")).ok()?;
    let mut text = [0_u8; 512];
    // Not by the calls that give up when the thread is wanted: it may be, and the answer is there at once.
    // SAFETY: the host reads the path, writes no more than the length, and closes what it has just opened.
    let length = unsafe {
        let fd = host::call(__NR_open, [path.as_ptr() as usize, O_CLOEXEC as usize, 0, 0, 0, 0]).ok()?;
        let length = host::call(__NR_read, [fd, text.as_mut_ptr() as usize, text.len(), 0, 0, 0]);
        let _ = host::call(__NR_close, [fd, 0, 0, 0, 0, 0]);
        length.ok()?.min(text.len())
    };
    // The name before it may have spaces, and parentheses.
    let after_name = text[..length].rsplit(|byte| *byte == b')').next()?;
    core::str::from_utf8(after_name).ok()?.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Has the host send `signal` to the calling process whenever it gets another parent.
pub(crate) fn signal_on_parents_end(signal: i32) {
    const PR_SET_PDEATHSIG: usize = 1;
    // SAFETY: our handler for the signal may run at any point.
    let _ = unsafe { host::call(__NR_prctl, [PR_SET_PDEATHSIG, signal as usize, 0, 0, 0, 0]) };
}

/// The host's id of the calling process's parent.
pub(crate) fn parent() -> u32 {
    // SAFETY: no effect.
    unsafe { host::raw(__NR_getppid, [0; 6]) as u32 }
}

/// Fills `buffer` with random bytes of the host.
///
/// # Errors
/// `EIO` if the host gives none.
pub fn random(buffer: &mut [u8]) -> Result<()> {
    let mut done = 0;
    while done < buffer.len() {
        let rest = &mut buffer[done..];
        // SAFETY: the host writes at most the given length.
        let count = unsafe { host::call(__NR_getrandom, [rest.as_mut_ptr() as usize, rest.len(), 0, 0, 0, 0])? };
        if count == 0 || count > rest.len() {
            return Err(Errno::EIO.into());
        }
        done += count;
    }
    Ok(())
}

/// Processor time and faults, in the layout of Linux's `struct rusage`.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
#[expect(missing_docs, reason = "the fields are Linux's")]
pub struct Rusage {
    pub utime: [i64; 2],
    pub stime: [i64; 2],
    pub maxrss: i64,
    pub ixrss: i64,
    pub idrss: i64,
    pub isrss: i64,
    pub minflt: i64,
    pub majflt: i64,
    pub nswap: i64,
    pub inblock: i64,
    pub oublock: i64,
    pub msgsnd: i64,
    pub msgrcv: i64,
    pub nsignals: i64,
    pub nvcsw: i64,
    pub nivcsw: i64,
}

impl Rusage {
    /// Processor time in user code and in the kernel together.
    pub fn cpu_time(&self) -> Duration {
        self.user_time() + self.system_time()
    }

    /// Processor time in user code.
    pub fn user_time(&self) -> Duration {
        duration_of(self.utime)
    }

    /// Processor time in the kernel.
    pub fn system_time(&self) -> Duration {
        duration_of(self.stime)
    }

    /// What was used since `base` was taken; what isn't counted up (`maxrss`) stays.
    #[must_use]
    pub fn since(&self, base: &Self) -> Self {
        self.combine(base, i64::saturating_sub)
    }

    /// The sum of both; of `maxrss` the larger one.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self { maxrss: self.maxrss.max(other.maxrss), ..self.combine(other, i64::saturating_add) }
    }

    fn combine(&self, other: &Self, by: impl Fn(i64, i64) -> i64) -> Self {
        const MICROS: i64 = 1_000_000;
        let time = |one: [i64; 2], other: [i64; 2]| {
            let micros = |[secs, micros]: [i64; 2]| secs.saturating_mul(MICROS).saturating_add(micros);
            let result = by(micros(one), micros(other)).max(0);
            [result / MICROS, result % MICROS]
        };
        Self {
            utime: time(self.utime, other.utime),
            stime: time(self.stime, other.stime),
            minflt: by(self.minflt, other.minflt),
            majflt: by(self.majflt, other.majflt),
            inblock: by(self.inblock, other.inblock),
            oublock: by(self.oublock, other.oublock),
            nvcsw: by(self.nvcsw, other.nvcsw),
            nivcsw: by(self.nivcsw, other.nivcsw),
            ..*self
        }
    }
}

fn duration_of([secs, micros]: [i64; 2]) -> Duration {
    Duration::from_secs(secs.max(0) as u64) + Duration::from_micros(micros.max(0) as u64)
}

/// Whose resource usage is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageOf {
    /// The host process.
    Process = 0,
    /// The calling thread.
    Thread = 1,
}

/// What the host process or the calling thread has used.
pub fn usage(of: UsageOf) -> Rusage {
    let mut usage = Rusage::default();
    // SAFETY: the host writes a `struct rusage`.
    let _ = unsafe { host::call(__NR_getrusage, [of as usize, &raw mut usage as usize, 0, 0, 0, 0]) };
    usage
}

/// How many pages of the host process are in memory.
///
/// # Errors
/// What opening and reading give; `EIO` if the host shows something else.
pub fn resident_pages() -> Result<usize> {
    let file = super::file::open_host(c"/proc/self/statm", 0)?;
    let mut text = [0; 128];
    let len = super::file::read(&file, &mut Sink::buffer(&mut text))?;
    // `size resident shared …`, in pages (`man 5 proc_pid_statm`).
    let field = str::from_utf8(&text[..len]).ok().and_then(|text| text.split(' ').nth(1)?.parse().ok());
    field.ok_or(Errno::EIO.into())
}

/// The host's `struct sysinfo`.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
#[expect(missing_docs, reason = "the fields are Linux's")]
pub struct SysInfo {
    pub uptime: i64,
    pub loads: [u64; 3],
    pub totalram: u64,
    pub freeram: u64,
    pub sharedram: u64,
    pub bufferram: u64,
    pub totalswap: u64,
    pub freeswap: u64,
    pub procs: u16,
    pub pad: [u16; 3],
    pub totalhigh: u64,
    pub freehigh: u64,
    pub mem_unit: u32,
    pub pad2: u32,
}

/// The host's memory, load and uptime.
pub fn system_info() -> SysInfo {
    let mut info = SysInfo::default();
    // SAFETY: the host writes a `struct sysinfo`.
    let _ = unsafe { host::call(__NR_sysinfo, [&raw mut info as usize, 0, 0, 0, 0, 0]) };
    if info.mem_unit == 0 {
        info.mem_unit = 1;
    }
    info
}

/// The host's `uname` fields, 65 bytes each: sysname, nodename, release, version, machine, domainname.
pub fn host_names() -> [[u8; 65]; 6] {
    let mut names = [[0_u8; 65]; 6];
    // SAFETY: the host writes a `struct utsname`.
    let _ = unsafe { host::call(__NR_uname, [&raw mut names as usize, 0, 0, 0, 0, 0]) };
    for name in &mut names {
        name[64] = 0;
    }
    names
}

/// Soft and hard limit of a resource of the host process (`man 2 prlimit`).
pub fn limit(resource: u32) -> Result<[u64; 2]> {
    let mut limits = [0_u64; 2];
    // SAFETY: the host writes a `struct rlimit64`.
    unsafe { host::call(__NR_prlimit64, [0, resource as usize, 0, &raw mut limits as usize, 0, 0])? };
    Ok(limits)
}

/// Sets a limit of the host process.
///
/// # Errors
/// `EPERM`, `EINVAL`.
pub fn set_limit(resource: u32, limits: [u64; 2]) -> Result<()> {
    // SAFETY: the host reads a `struct rlimit64`.
    unsafe { host::call(__NR_prlimit64, [0, resource as usize, &raw const limits as usize, 0, 0, 0])? };
    Ok(())
}

/// Clears the file mode creation mask of the host process and gives the old one: modes are the LibOS's affair.
pub fn take_umask() -> u32 {
    // SAFETY: no effect on memory.
    unsafe { host::call(__NR_umask, [0; 6]) }.unwrap_or(0o022) as u32 & 0o777
}

/// Writes a message to the standard error that `enclos` was started with; nothing can be done if that fails.
pub(crate) fn write_stderr(message: &[u8]) {
    let fd = STDERR.load(Ordering::Relaxed) as usize;
    // SAFETY: the host reads the message.
    unsafe { host::raw(linux_raw_sys::general::__NR_write, [fd, message.as_ptr() as usize, message.len(), 0, 0, 0]) };
}
