//! Arguments that need more than their type says: buffers whose length another argument or the result gives, structures,
//! and words that Linux names.

use super::names as n;
use super::print as p;
use super::print::Out;
use core::fmt;

/// How an argument of a system call is printed.
pub(super) struct Hook {
    call: &'static str,
    /// Which argument.
    pub(super) arg: usize,
    /// When it's printed.
    pub(super) when: When,
    /// Whether 0 is printed as NULL.
    pub(super) is_pointer: bool,
    /// Prints it: from its word, all words, and the result.
    pub(super) show: Show,
}

/// Prints an argument.
pub(super) type Show = fn(u64, &[u64; 6], usize, Out<'_>) -> fmt::Result;

/// When an argument has its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Before the call.
    Before,
    /// After the call, which filled it.
    After,
}

/// The hooks of a system call.
pub(super) fn of(call: &str) -> &'static [Hook] {
    let start = HOOKS.partition_point(|hook| hook.call < call);
    let len = HOOKS[start..].iter().take_while(|hook| hook.call == call).count();
    &HOOKS[start..start + len]
}

macro_rules! hooks {
    ($($call:ident $arg:literal $kind:ident $show:expr;)*) => {
        /// By call, so that they're found by bisection.
        static HOOKS: &[Hook] = &[$(Hook {
            call: stringify!($call),
            arg: $arg,
            when: hooks!(@when $kind),
            is_pointer: hooks!(@pointer $kind),
            show: $show,
        }),*];
    };
    (@when before) => { When::Before };
    (@when after) => { When::After };
    (@when word) => { When::Before };
    (@pointer word) => { false };
    (@pointer $other:ident) => { true };
}

hooks! {
    access 1 word access;
    arch_prctl 0 word |word, _, _, out| p::value(out, word, n::ARCH_PRCTL);
    clock_getres 0 word clock;
    clock_getres 1 after timespec;
    clock_gettime 0 word clock;
    clock_gettime 1 after timespec;
    clock_nanosleep 0 word clock;
    clock_nanosleep 1 word |word, _, _, out| p::flags(out, word, n::TIMER);
    clock_nanosleep 2 before timespec;
    clone 0 word clone_flags;
    clone3 0 before clone_args;
    execve 1 before |word, _, _, out| p::strings(out, word);
    execve 2 before |word, _, _, out| p::environment(out, word);
    execveat 2 before |word, _, _, out| p::strings(out, word);
    execveat 3 before |word, _, _, out| p::environment(out, word);
    faccessat 2 word access;
    faccessat2 2 word access;
    faccessat2 3 word at_flags;
    fadvise64 3 word |word, _, _, out| p::value(out, word, n::FADVICE);
    fchownat 4 word at_flags;
    fcntl 1 word |word, _, _, out| p::value(out, word, n::FCNTL);
    fcntl 2 word fcntl_argument;
    fstat 1 after stat;
    futex 1 word futex_operation;
    futex 3 before futex_timeout;
    getcpu 0 after |word, _, _, out| p::word(out, word);
    getcpu 1 after |word, _, _, out| p::word(out, word);
    getcwd 0 after |word, _, _, out| p::string(out, word);
    getitimer 0 word |word, _, _, out| p::value(out, word, n::ITIMER);
    getitimer 1 after |word, _, _, out| p::itimerval(out, word);
    getrandom 0 after filled;
    getrandom 2 word |word, _, _, out| p::flags(out, word, n::GRND);
    getrlimit 0 word rlimit_name;
    getrlimit 1 after rlimit;
    getrusage 0 word |word, _, _, out| p::value(out, word & 0xffff_ffff, n::RUSAGE);
    gettimeofday 0 after |word, _, _, out| p::timeval(out, word);
    ioctl 1 word |word, _, _, out| p::value(out, word, n::IOCTL);
    kill 1 word signal;
    lseek 2 word |word, _, _, out| p::value(out, word, n::WHENCE);
    lstat 1 after stat;
    madvise 2 word |word, _, _, out| p::value(out, word, n::MADVICE);
    memfd_create 1 word |word, _, _, out| p::flags(out, word, n::MEMFD);
    mmap 2 word protection;
    mmap 3 word |word, _, _, out| p::flags(out, word, n::MAP);
    mprotect 2 word protection;
    mremap 3 word |word, _, _, out| p::flags(out, word, n::MREMAP);
    nanosleep 0 before timespec;
    newfstatat 2 after stat;
    newfstatat 3 word at_flags;
    open 1 word open_flags;
    openat 2 word open_flags;
    pipe 0 after |word, _, _, out| p::descriptors(out, word);
    pipe2 0 after |word, _, _, out| p::descriptors(out, word);
    pipe2 1 word |word, _, _, out| p::flags(out, word, n::OPEN);
    poll 0 after pollfds;
    ppoll 0 after pollfds;
    ppoll 2 before timespec;
    prctl 0 word |word, _, _, out| p::value(out, word, n::PRCTL);
    prctl 1 before prctl_argument;
    pread64 1 after filled;
    preadv 1 after |word, words, result, out| p::iovecs(out, word, words[2] as usize, result);
    prlimit64 1 word rlimit_name;
    prlimit64 2 before rlimit;
    prlimit64 3 after rlimit;
    pwrite64 1 before held;
    pwritev 1 before |word, words, _, out| p::iovecs(out, word, words[2] as usize, usize::MAX);
    read 1 after filled;
    readlink 1 after filled;
    readlinkat 2 after filled;
    readv 1 after |word, words, result, out| p::iovecs(out, word, words[2] as usize, result);
    rt_sigaction 0 word signal;
    rt_sigaction 1 before sigaction;
    rt_sigaction 2 after sigaction;
    rt_sigpending 0 after signal_set;
    rt_sigprocmask 0 word |word, _, _, out| p::value(out, word, n::MASK_HOW);
    rt_sigprocmask 1 before signal_set;
    rt_sigprocmask 2 after signal_set;
    rt_sigsuspend 0 before signal_set;
    rt_sigtimedwait 0 before signal_set;
    rt_sigtimedwait 2 before timespec;
    sched_setscheduler 1 word |word, _, _, out| p::value(out, word, n::SCHED);
    setitimer 0 word |word, _, _, out| p::value(out, word, n::ITIMER);
    setitimer 1 before |word, _, _, out| p::itimerval(out, word);
    setitimer 2 after |word, _, _, out| p::itimerval(out, word);
    setrlimit 0 word rlimit_name;
    setrlimit 1 before rlimit;
    stat 1 after stat;
    statx 2 word at_flags;
    statx 4 after |word, _, _, out| p::statx(out, word);
    tgkill 2 word signal;
    timer_create 0 word clock;
    timer_create 2 after |word, _, _, out| p::word(out, word);
    timer_settime 2 before |word, _, _, out| p::itimerspec(out, word);
    timer_settime 3 after |word, _, _, out| p::itimerspec(out, word);
    tkill 1 word signal;
    uname 0 after |word, _, _, out| p::utsname(out, word);
    unlinkat 2 word |word, _, _, out| p::flags(out, word, n::UNLINK_AT);
    utimensat 2 before |word, _, _, out| p::timespecs(out, word);
    write 1 before held;
    writev 1 before |word, words, _, out| p::iovecs(out, word, words[2] as usize, usize::MAX);
}

/// A buffer that the call filled with as many bytes as its result says.
fn filled(word: u64, _: &[u64; 6], result: usize, out: Out<'_>) -> fmt::Result {
    p::bytes(out, word, result)
}

/// The second argument, a buffer as long as the third one says.
fn held(word: u64, words: &[u64; 6], _: usize, out: Out<'_>) -> fmt::Result {
    p::bytes(out, word, words[2] as usize)
}

fn stat(word: u64, _: &[u64; 6], _: usize, out: Out<'_>) -> fmt::Result {
    p::stat(out, word)
}

fn timespec(word: u64, _: &[u64; 6], _: usize, out: Out<'_>) -> fmt::Result {
    p::timespec(out, word)
}

fn rlimit(word: u64, _: &[u64; 6], _: usize, out: Out<'_>) -> fmt::Result {
    p::rlimit(out, word)
}

fn rlimit_name(word: u64, _: &[u64; 6], _: usize, out: Out<'_>) -> fmt::Result {
    p::value(out, word, n::RLIMIT)
}

fn clock(word: u64, _: &[u64; 6], _: usize, out: Out<'_>) -> fmt::Result {
    p::value(out, word & 0xffff_ffff, n::CLOCK)
}

fn signal(word: u64, _: &[u64; 6], _: usize, out: Out<'_>) -> fmt::Result {
    p::signal(out, word & 0xffff_ffff)
}

fn signal_set(word: u64, _: &[u64; 6], _: usize, out: Out<'_>) -> fmt::Result {
    p::signal_set(out, word)
}

fn sigaction(word: u64, _: &[u64; 6], _: usize, out: Out<'_>) -> fmt::Result {
    p::sigaction(out, word)
}

fn at_flags(word: u64, _: &[u64; 6], _: usize, out: Out<'_>) -> fmt::Result {
    p::flags(out, word & 0xffff_ffff, n::AT)
}

fn protection(word: u64, _: &[u64; 6], _: usize, out: Out<'_>) -> fmt::Result {
    if word == 0 { out.write_str("PROT_NONE") } else { p::flags(out, word, n::PROT) }
}

fn access(word: u64, _: &[u64; 6], _: usize, out: Out<'_>) -> fmt::Result {
    if word as u32 == 0 { out.write_str("F_OK") } else { p::flags(out, word & 0xffff_ffff, n::ACCESS) }
}

fn open_flags(word: u64, _: &[u64; 6], _: usize, out: Out<'_>) -> fmt::Result {
    const ACCESS_MODE: u64 = 3;
    out.write_str(["O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"][(word & ACCESS_MODE) as usize])?;
    let rest = word & 0xffff_ffff & !ACCESS_MODE;
    if rest == 0 {
        return Ok(());
    }
    out.write_char('|')?;
    p::flags(out, rest, n::OPEN)
}

fn fcntl_argument(word: u64, words: &[u64; 6], _: usize, out: Out<'_>) -> fmt::Result {
    const F_SETFD: u64 = 2;
    const F_SETFL: u64 = 4;
    match words[1] {
        F_SETFD if word == 1 => out.write_str("FD_CLOEXEC"),
        F_SETFL => open_flags(word, words, 0, out),
        _ if word > 0xffff => write!(out, "{word:#x}"),
        _ => write!(out, "{word}"),
    }
}

fn clone_flags(word: u64, _: &[u64; 6], _: usize, out: Out<'_>) -> fmt::Result {
    const EXIT_SIGNAL: u64 = 0xff;
    p::flags(out, word & !EXIT_SIGNAL, n::CLONE)?;
    if word & EXIT_SIGNAL != 0 {
        out.write_char('|')?;
        p::signal(out, word & EXIT_SIGNAL)?;
    }
    Ok(())
}

fn clone_args(word: u64, _: &[u64; 6], _: usize, out: Out<'_>) -> fmt::Result {
    // flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls.
    let args: [u64; 8] = p::read(word)?;
    out.write_str("{flags=")?;
    p::flags(out, args[0], n::CLONE)?;
    write!(out, ", child_tid={:#x}, parent_tid={:#x}, exit_signal={}", args[2], args[3], args[4])?;
    write!(out, ", stack={:#x}, stack_size={:#x}, tls={:#x}}}", args[5], args[6], args[7])
}

fn futex_operation(word: u64, _: &[u64; 6], _: usize, out: Out<'_>) -> fmt::Result {
    const PRIVATE: u64 = 128;
    const REALTIME: u64 = 256;
    p::value(out, word & 0xffff_ffff & !(PRIVATE | REALTIME), n::FUTEX)?;
    if word & PRIVATE != 0 {
        out.write_str("_PRIVATE")?;
    }
    if word & REALTIME != 0 {
        out.write_str("|FUTEX_CLOCK_REALTIME")?;
    }
    Ok(())
}

fn futex_timeout(word: u64, words: &[u64; 6], _: usize, out: Out<'_>) -> fmt::Result {
    // Operations whose fourth argument is a timeout: WAIT, LOCK_PI, WAIT_BITSET, WAIT_REQUEUE_PI, LOCK_PI2.
    match words[1] & 0x7f {
        0 | 6 | 9 | 11 | 13 => p::timespec(out, word),
        _ => write!(out, "{word}"),
    }
}

fn pollfds(word: u64, words: &[u64; 6], _: usize, out: Out<'_>) -> fmt::Result {
    p::pollfds(out, word, words[1] as usize)
}

fn prctl_argument(word: u64, words: &[u64; 6], _: usize, out: Out<'_>) -> fmt::Result {
    const PR_SET_NAME: u64 = 15;
    if words[0] == PR_SET_NAME { p::string(out, word) } else { write!(out, "{word:#x}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    fn shown(call: &str, arg: usize, words: [u64; 6], result: usize) -> String {
        let mut text = String::new();
        let hook = of(call).iter().find(|hook| hook.arg == arg).unwrap();
        (hook.show)(words[arg], &words, result, &mut text).unwrap();
        text
    }

    #[test]
    fn hooks_are_sorted_and_their_calls_exist() {
        assert!(HOOKS.is_sorted_by_key(|hook| (hook.call, hook.arg)));
        for hook in HOOKS {
            assert!(crate::syscalls::TABLE.iter().any(|entry| entry.name == hook.call), "{}", hook.call);
        }
    }

    #[test]
    fn open_flags_start_with_the_access_mode() {
        assert_eq!(shown("openat", 2, [0, 0, 0o2_000_000, 0, 0, 0], 0), "O_RDONLY|O_CLOEXEC");
        assert_eq!(shown("open", 1, [0, 0o1101, 0, 0, 0, 0], 0), "O_WRONLY|O_CREAT|O_TRUNC");
    }

    #[test]
    fn a_buffer_that_was_read_is_shown_as_far_as_it_was_filled() {
        let buffer = b"hello, world";
        let words = [0, buffer.as_ptr() as u64, 12, 0, 0, 0];
        assert_eq!(shown("read", 1, words, 5), "\"hello\"");
        assert_eq!(shown("write", 1, words, 0), "\"hello, world\"");
    }

    #[test]
    fn futex_operations_have_their_names() {
        assert_eq!(shown("futex", 1, [0, 128, 0, 0, 0, 0], 0), "FUTEX_WAIT_PRIVATE");
        assert_eq!(shown("futex", 1, [0, 0x189, 0, 0, 0, 0], 0), "FUTEX_WAIT_BITSET_PRIVATE|FUTEX_CLOCK_REALTIME");
    }
}
