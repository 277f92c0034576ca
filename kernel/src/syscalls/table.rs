//! All system calls of Linux on x86-64, with what is done here.
//!
//! Each row says number, name and either arguments, function and state, or why there is none. Arguments are decoded in
//! order before the function is called; the first that can't be decoded is the call's result.

use super::args::{Addr, Arg, DirDesc, FileDesc, Flags, Mode, UserPath, UserStr};
use super::dispatch::Context;
use crate::events::sys::{EpollEvent, EpollFlags, EventFdFlags, PollEntry};
use crate::fs::StatusFlags;
use crate::fs::inotify::sys::InotifyFlags;
use crate::fs::sys::{AtFlags, CloseRangeFlags, MemfdFlags, OpenHow, SpliceFlags, Stat, Statx};
use crate::ipc::mqueue::sys::MqAttr;
use crate::ipc::sys::FutexWaitv;
use crate::ipc::sysv::SemBuf;
use crate::mm::sys::{LockAllFlags, MapFlags, ProtFlags, RemapFlags, SyncFlags};
use crate::net::MessageFlags;
use crate::net::message::{MessageHeader, NumberedHeader};
use crate::prelude::*;
use crate::process::sys::{CloneArgs, SchedAttr};
use crate::signal::sys::SignalFdFlags;
use crate::signal::{Action, AlternateStack, SigInfo};
use crate::time::sys::{IntervalTimer, SetTimeFlags, SigEvent, TimerFdFlags, TimerSpec};
use crate::time::{Timespec, Timeval};
use crate::{events, fs, ipc, mm, net, process, signal, system, time};
use core::fmt::{self, Write};
use frame::ocall::process::{Rusage, SysInfo};

/// A system call of Linux.
#[derive(Clone, Copy)]
pub struct Entry {
    /// Its number.
    pub number: u16,
    /// Its name; empty for a number that Linux doesn't use.
    pub name: &'static str,
    /// How much of it there is.
    pub state: State,
    /// What makes it: decodes the arguments and calls the function.
    pub call: Option<Call>,
    /// Its arguments.
    pub args: &'static [Param],
}

/// Decodes a system call's arguments and makes it.
pub type Call = fn(Context<'_>) -> Result<usize>;

/// An argument's name, and how a trace prints its word.
pub type Param = (&'static str, fn(u64, &mut dyn Write) -> fmt::Result);

/// How much of a system call there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// All that Linux has.
    Complete,
    /// Not all; with what is missing, in words for users.
    Partial(&'static str),
    /// Nothing; with the reason, in words for users.
    Unsupported(&'static str),
}

impl Entry {
    const UNUSED: Self =
        Self { number: 0, name: "", state: State::Unsupported("no such system call"), call: None, args: &[] };

    /// The error of a call that isn't there.
    #[cold]
    pub fn missing(&self) -> Error {
        let reason = match self.state {
            State::Unsupported(reason) | State::Partial(reason) => reason,
            State::Complete => "not there",
        };
        warn!("{} is not supported: {reason}", self.label());
        Error::new(Errno::ENOSYS, reason)
    }

    /// Its name, or a word for a number that has none.
    pub fn label(&self) -> &'static str {
        if self.name.is_empty() { "an unknown system call" } else { self.name }
    }
}

macro_rules! state {
    (complete) => {
        State::Complete
    };
    (partial($reason:literal)) => {
        State::Partial($reason)
    };
    (unsupported($reason:literal)) => {
        State::Unsupported($reason)
    };
}

macro_rules! call {
    () => {
        None
    };
    ($function:path, $($type:ty),*) => {{
        #[inline]
        fn call(cx: Context<'_>) -> Result<usize> {
            let mut _words = cx.regs.syscall_args().into_iter();
            $function(cx $(, <$type as Arg>::decode(_words.next().unwrap_or(0))?)*)
        }
        Some(call as Call)
    }};
}

macro_rules! table {
    ($($number:literal $name:ident $(($($arg:ident: $type:ty),* $(,)?) = $function:path,)? $state:ident $(($reason:literal))?;)*) => {
        const ROWS: &[Entry] = &[$(Entry {
            number: $number,
            name: stringify!($name),
            state: state!($state $(($reason))?),
            call: call!($($function, $($type),*)?),
            args: &[$($((stringify!($arg), <$type as Arg>::trace)),*)?],
        }),*];
    };
}

/// One more than the highest number.
pub const COUNT: usize = 470;

/// The system calls by number.
pub static TABLE: [Entry; COUNT] = {
    let mut table = [Entry::UNUSED; COUNT];
    let mut row = 0;
    while row < ROWS.len() {
        let number = ROWS[row].number as usize;
        assert!(row == 0 || ROWS[row - 1].number < ROWS[row].number, "rows are in numeric order");
        table[number] = ROWS[row];
        row += 1;
    }
    table
};

table! {
    0 read(fd: FileDesc, buf: UserPtr<u8>, count: usize) = fs::sys::read, complete;
    1 write(fd: FileDesc, buf: UserPtr<u8>, count: usize) = fs::sys::write, complete;
    2 open(path: UserPath, flags: StatusFlags, mode: Mode) = fs::sys::open, complete;
    3 close(fd: FileDesc) = fs::sys::close, complete;
    4 stat(path: UserPath, stat: UserPtr<Stat>) = fs::sys::stat, complete;
    5 fstat(fd: FileDesc, stat: UserPtr<Stat>) = fs::sys::fstat, complete;
    6 lstat(path: UserPath, stat: UserPtr<Stat>) = fs::sys::lstat, complete;
    7 poll(array: UserPtr<PollEntry>, count: u32, timeout: i32) = events::sys::poll, complete;
    8 lseek(fd: FileDesc, offset: i64, whence: u32) = fs::sys::lseek, complete;
    9 mmap(addr: Addr, len: usize, prot: ProtFlags, flags: MapFlags, fd: FileDesc, offset: u64) = mm::sys::mmap, partial("no huge pages");
    10 mprotect(addr: Addr, len: usize, prot: ProtFlags) = mm::sys::mprotect, complete;
    11 munmap(addr: Addr, len: usize) = mm::sys::munmap, complete;
    12 brk(addr: Addr) = mm::sys::brk, complete;
    13 rt_sigaction(signal: i32, new: UserPtr<Action>, old: UserPtr<Action>, size: usize) = signal::sys::rt_sigaction, complete;
    14 rt_sigprocmask(how: i32, set: UserPtr<u64>, old: UserPtr<u64>, size: usize) = signal::sys::rt_sigprocmask, complete;
    15 rt_sigreturn() = signal::sys::rt_sigreturn, complete;
    16 ioctl(fd: FileDesc, request: u32, argument: Addr) = fs::sys::ioctl, partial("terminals, sockets, questions about interfaces, FIONREAD, FIONBIO, FIOCLEX");
    17 pread64(fd: FileDesc, buf: UserPtr<u8>, count: usize, offset: i64) = fs::sys::pread64, complete;
    18 pwrite64(fd: FileDesc, buf: UserPtr<u8>, count: usize, offset: i64) = fs::sys::pwrite64, complete;
    19 readv(fd: FileDesc, vector: UserPtr<[u64; 2]>, count: usize) = fs::sys::readv, complete;
    20 writev(fd: FileDesc, vector: UserPtr<[u64; 2]>, count: usize) = fs::sys::writev, complete;
    21 access(path: UserPath, mode: Mode) = fs::sys::access, complete;
    22 pipe(fds: UserPtr<[i32; 2]>) = fs::sys::pipe, complete;
    23 select(count: i32, reads: UserPtr<u64>, writes: UserPtr<u64>, excepts: UserPtr<u64>, timeout: UserPtr<Timeval>) = events::sys::select, complete;
    24 sched_yield() = process::sys::sched_yield, complete;
    25 mremap(addr: Addr, old_len: usize, new_len: usize, flags: RemapFlags, new_addr: Addr) = mm::sys::mremap, partial("code with patched system calls can't be moved");
    26 msync(addr: Addr, len: usize, flags: SyncFlags) = mm::sys::msync, complete;
    27 mincore(addr: Addr, len: usize, vector: UserPtr<u8>) = mm::sys::mincore, complete;
    28 madvise(addr: Addr, len: usize, advice: Flags) = mm::sys::madvise, partial("memory failures can't be simulated");
    29 shmget(key: i32, size: usize, flags: Flags) = ipc::sysv::shmget, partial("no huge pages");
    30 shmat(id: i32, addr: Addr, flags: Flags) = ipc::sysv::shmat, complete;
    31 shmctl(id: i32, command: Flags, buffer: Addr) = ipc::sysv::shmctl, partial("segments can't be locked in memory");
    32 dup(fd: FileDesc) = fs::sys::dup, complete;
    33 dup2(old: FileDesc, new: FileDesc) = fs::sys::dup2, complete;
    34 pause() = signal::sys::pause, complete;
    35 nanosleep(request: UserPtr<Timespec>, remaining: UserPtr<Timespec>) = time::sys::nanosleep, complete;
    36 getitimer(which: i32, value: UserPtr<IntervalTimer>) = time::sys::getitimer, complete;
    37 alarm(seconds: u32) = time::sys::alarm, complete;
    38 setitimer(which: i32, new: UserPtr<IntervalTimer>, old: UserPtr<IntervalTimer>) = time::sys::setitimer, complete;
    39 getpid() = process::sys::getpid, complete;
    40 sendfile(out: FileDesc, input: FileDesc, offset: UserPtr<i64>, count: usize) = fs::sys::sendfile, complete;
    41 socket(domain: i32, kind: u32, protocol: i32) = net::sys::socket, partial("no families but AF_UNIX, AF_INET, AF_INET6 and AF_NETLINK");
    42 connect(fd: FileDesc, address: UserPtr<u8>, len: i32) = net::sys::connect, complete;
    43 accept(fd: FileDesc, address: UserPtr<u8>, len: UserPtr<i32>) = net::sys::accept, complete;
    44 sendto(fd: FileDesc, buf: UserPtr<u8>, len: usize, flags: MessageFlags, address: UserPtr<u8>, address_len: i32) = net::sys::sendto, complete;
    45 recvfrom(fd: FileDesc, buf: UserPtr<u8>, len: usize, flags: MessageFlags, address: UserPtr<u8>, address_len: UserPtr<i32>) = net::sys::recvfrom, complete;
    46 sendmsg(fd: FileDesc, message: UserPtr<MessageHeader>, flags: MessageFlags) = net::sys::sendmsg, complete;
    47 recvmsg(fd: FileDesc, message: UserPtr<MessageHeader>, flags: MessageFlags) = net::sys::recvmsg, complete;
    48 shutdown(fd: FileDesc, how: i32) = net::sys::shutdown, complete;
    49 bind(fd: FileDesc, address: UserPtr<u8>, len: i32) = net::sys::bind, complete;
    50 listen(fd: FileDesc, backlog: i32) = net::sys::listen, complete;
    51 getsockname(fd: FileDesc, address: UserPtr<u8>, len: UserPtr<i32>) = net::sys::getsockname, complete;
    52 getpeername(fd: FileDesc, address: UserPtr<u8>, len: UserPtr<i32>) = net::sys::getpeername, complete;
    53 socketpair(domain: i32, kind: u32, protocol: i32, fds: UserPtr<[i32; 2]>) = net::sys::socketpair, complete;
    54 setsockopt(fd: FileDesc, level: i32, name: i32, value: UserPtr<u8>, len: i32) = net::sys::setsockopt, partial("no filters, zero-copy, TLS, repair");
    55 getsockopt(fd: FileDesc, level: i32, name: i32, value: UserPtr<u8>, len: UserPtr<i32>) = net::sys::getsockopt, partial("no filters, zero-copy, TLS, repair");
    56 clone(flags: u64, stack: usize, parent_tid: UserPtr<u32>, child_tid: UserPtr<u32>, tls: u64) = process::sys::clone, partial("namespaces and cgroups are refused with EPERM");
    57 fork() = process::sys::fork, complete;
    58 vfork() = process::sys::vfork, complete;
    59 execve(path: UserPath, args: UserPtr<u64>, env: UserPtr<u64>) = process::sys::execve, complete;
    60 exit(status: i32) = process::sys::exit, complete;
    61 wait4(pid: i32, status: UserPtr<i32>, options: u32, usage: UserPtr<Rusage>) = process::sys::wait4, complete;
    62 kill(pid: i32, signal: i32) = signal::sys::kill, complete;
    63 uname(buf: UserPtr<[u8; 390]>) = system::sys::uname, complete;
    64 semget(key: i32, count: i32, flags: Flags) = ipc::sysv::semget, complete;
    65 semop(id: i32, operations: UserPtr<SemBuf>, count: usize) = ipc::sysv::semop, complete;
    66 semctl(id: i32, number: i32, command: Flags, argument: u64) = ipc::sysv::semctl, complete;
    67 shmdt(addr: Addr) = ipc::sysv::shmdt, complete;
    68 msgget(key: i32, flags: Flags) = ipc::sysv::msgget, complete;
    69 msgsnd(id: i32, message: UserPtr<i64>, len: usize, flags: Flags) = ipc::sysv::msgsnd, complete;
    70 msgrcv(id: i32, message: UserPtr<i64>, room: usize, kind: i64, flags: Flags) = ipc::sysv::msgrcv, complete;
    71 msgctl(id: i32, command: Flags, buffer: Addr) = ipc::sysv::msgctl, complete;
    72 fcntl(fd: FileDesc, command: u32, argument: u64) = fs::sys::fcntl, partial("no leases, no signals when directories change");
    73 flock(fd: FileDesc, operation: u32) = fs::sys::flock, partial("among programs of the LibOS");
    74 fsync(fd: FileDesc) = fs::sys::fsync, complete;
    75 fdatasync(fd: FileDesc) = fs::sys::fdatasync, complete;
    76 truncate(path: UserPath, len: i64) = fs::sys::truncate, complete;
    77 ftruncate(fd: FileDesc, len: i64) = fs::sys::ftruncate, complete;
    78 getdents(fd: FileDesc, buffer: UserPtr<u8>, count: u32) = fs::sys::getdents, complete;
    79 getcwd(buffer: UserPtr<u8>, size: usize) = fs::sys::getcwd, complete;
    80 chdir(path: UserPath) = fs::sys::chdir, complete;
    81 fchdir(fd: FileDesc) = fs::sys::fchdir, complete;
    82 rename(old: UserPath, new: UserPath) = fs::sys::rename, complete;
    83 mkdir(path: UserPath, mode: Mode) = fs::sys::mkdir, complete;
    84 rmdir(path: UserPath) = fs::sys::rmdir, complete;
    85 creat(path: UserPath, mode: Mode) = fs::sys::creat, complete;
    86 link(old: UserPath, new: UserPath) = fs::sys::link, complete;
    87 unlink(path: UserPath) = fs::sys::unlink, complete;
    88 symlink(target: UserPath, path: UserPath) = fs::sys::symlink, complete;
    89 readlink(path: UserPath, buffer: UserPtr<u8>, size: i32) = fs::sys::readlink, complete;
    90 chmod(path: UserPath, mode: Mode) = fs::sys::chmod, complete;
    91 fchmod(fd: FileDesc, mode: Mode) = fs::sys::fchmod, complete;
    92 chown(path: UserPath, uid: u32, gid: u32) = fs::sys::chown, complete;
    93 fchown(fd: FileDesc, uid: u32, gid: u32) = fs::sys::fchown, complete;
    94 lchown(path: UserPath, uid: u32, gid: u32) = fs::sys::lchown, complete;
    95 umask(mask: Mode) = fs::sys::umask, complete;
    96 gettimeofday(time: UserPtr<Timeval>, zone: UserPtr<[i32; 2]>) = time::sys::gettimeofday, complete;
    97 getrlimit(resource: u32, limit: UserPtr<[u64; 2]>) = process::sys::getrlimit, complete;
    98 getrusage(who: i32, buffer: UserPtr<Rusage>) = time::sys::getrusage, complete;
    99 sysinfo(info: UserPtr<SysInfo>) = system::sys::sysinfo, complete;
    100 times(buffer: UserPtr<[i64; 4]>) = time::sys::times, complete;
    101 ptrace unsupported("tracing other processes is not built in");
    102 getuid() = process::sys::getuid, complete;
    103 syslog(operation: i32, buf: UserPtr<u8>, len: i32) = system::sys::syslog, partial("always EPERM: programs don't see the host's kernel log");
    104 getgid() = process::sys::getgid, complete;
    105 setuid(uid: u32) = process::sys::setuid, complete;
    106 setgid(gid: u32) = process::sys::setgid, complete;
    107 geteuid() = process::sys::geteuid, complete;
    108 getegid() = process::sys::getegid, complete;
    109 setpgid(pid: i32, group: i32) = process::sys::setpgid, complete;
    110 getppid() = process::sys::getppid, complete;
    111 getpgrp() = process::sys::getpgrp, complete;
    112 setsid() = process::sys::setsid, complete;
    113 setreuid(ruid: u32, euid: u32) = process::sys::setreuid, complete;
    114 setregid(rgid: u32, egid: u32) = process::sys::setregid, complete;
    115 getgroups(size: i32, list: UserPtr<u32>) = process::sys::getgroups, complete;
    116 setgroups(size: u32, list: UserPtr<u32>) = process::sys::setgroups, complete;
    117 setresuid(ruid: u32, euid: u32, suid: u32) = process::sys::setresuid, complete;
    118 getresuid(ruid: UserPtr<u32>, euid: UserPtr<u32>, suid: UserPtr<u32>) = process::sys::getresuid, complete;
    119 setresgid(rgid: u32, egid: u32, sgid: u32) = process::sys::setresgid, complete;
    120 getresgid(rgid: UserPtr<u32>, egid: UserPtr<u32>, sgid: UserPtr<u32>) = process::sys::getresgid, complete;
    121 getpgid(pid: i32) = process::sys::getpgid, complete;
    122 setfsuid(uid: u32) = process::sys::setfsuid, complete;
    123 setfsgid(gid: u32) = process::sys::setfsgid, complete;
    124 getsid(pid: i32) = process::sys::getsid, complete;
    125 capget(header: UserPtr<[u32; 2]>, data: UserPtr<[u32; 3]>) = process::sys::capget, complete;
    126 capset(header: UserPtr<[u32; 2]>, data: UserPtr<[u32; 3]>) = process::sys::capset, complete;
    127 rt_sigpending(set: UserPtr<u64>, size: usize) = signal::sys::rt_sigpending, complete;
    128 rt_sigtimedwait(set: UserPtr<u64>, info: UserPtr<SigInfo>, timeout: UserPtr<Timespec>, size: usize) = signal::sys::rt_sigtimedwait, complete;
    129 rt_sigqueueinfo(pid: i32, signal: i32, info: UserPtr<SigInfo>) = signal::sys::rt_sigqueueinfo, complete;
    130 rt_sigsuspend(set: UserPtr<u64>, size: usize) = signal::sys::rt_sigsuspend, complete;
    131 sigaltstack(new: UserPtr<AlternateStack>, old: UserPtr<AlternateStack>) = signal::sys::sigaltstack, complete;
    132 utime(path: UserPath, times: UserPtr<[i64; 2]>) = fs::sys::utime, complete;
    133 mknod(path: UserPath, mode: Mode, dev: u64) = fs::sys::mknod, complete;
    134 uselib unsupported("removed from Linux");
    135 personality(persona: u64) = process::sys::personality, partial("kept, but only ADDR_NO_RANDOMIZE and its kin could have an effect, and have none");
    136 ustat unsupported("obsolete");
    137 statfs(path: UserPath, buffer: UserPtr<[u64; 15]>) = fs::sys::statfs, complete;
    138 fstatfs(fd: FileDesc, buffer: UserPtr<[u64; 15]>) = fs::sys::fstatfs, complete;
    139 sysfs unsupported("obsolete");
    140 getpriority(which: i32, who: u32) = process::sys::getpriority, complete;
    141 setpriority(which: i32, who: u32, priority: i32) = process::sys::setpriority, complete;
    142 sched_setparam(tid: i32, param: UserPtr<i32>) = process::sys::sched_setparam, complete;
    143 sched_getparam(tid: i32, param: UserPtr<i32>) = process::sys::sched_getparam, complete;
    144 sched_setscheduler(tid: i32, policy: u32, param: UserPtr<i32>) = process::sys::sched_setscheduler, complete;
    145 sched_getscheduler(tid: i32) = process::sys::sched_getscheduler, complete;
    146 sched_get_priority_max(policy: u32) = process::sys::sched_get_priority_max, complete;
    147 sched_get_priority_min(policy: u32) = process::sys::sched_get_priority_min, complete;
    148 sched_rr_get_interval(tid: i32, interval: UserPtr<[i64; 2]>) = process::sys::sched_rr_get_interval, complete;
    149 mlock(addr: Addr, len: usize) = mm::sys::mlock, complete;
    150 munlock(addr: Addr, len: usize) = mm::sys::munlock, complete;
    151 mlockall(flags: LockAllFlags) = mm::sys::mlockall, complete;
    152 munlockall() = mm::sys::munlockall, complete;
    153 vhangup unsupported("the machine is the host's");
    154 modify_ldt unsupported("segments are the LibOS's own");
    155 pivot_root unsupported("mounting is not there yet");
    156 _sysctl unsupported("removed from Linux");
    157 prctl(option: u32, arg2: u64, arg3: u64, arg4: u64, arg5: u64) = process::sys::prctl, partial("no seccomp, no PR_SET_MM, no core scheduling; names of mappings are not kept");
    158 arch_prctl(option: u32, addr: u64) = process::sys::arch_prctl, partial("the base of %gs is the LibOS's own; no CPUID faulting, no shadow stacks");
    159 adjtimex unsupported("the machine is the host's");
    160 setrlimit(resource: u32, limit: UserPtr<[u64; 2]>) = process::sys::setrlimit, partial("RLIMIT_RTTIME is not enforced, RLIMIT_CPU not beyond a fork");
    161 chroot(path: UserPath) = fs::sys::chroot, complete;
    162 sync() = fs::sys::sync, complete;
    163 acct unsupported("the machine is the host's");
    164 settimeofday(time: UserPtr<Timeval>, zone: UserPtr<[i32; 2]>) = time::sys::settimeofday, partial("the host's clock isn't set for programs");
    165 mount unsupported("mounting is not there yet");
    166 umount2 unsupported("mounting is not there yet");
    167 swapon unsupported("the machine is the host's");
    168 swapoff unsupported("the machine is the host's");
    169 reboot unsupported("the machine is the host's");
    170 sethostname(name: UserPtr<u8>, len: i32) = system::sys::sethostname, complete;
    171 setdomainname(name: UserPtr<u8>, len: i32) = system::sys::setdomainname, complete;
    172 iopl unsupported("programs have no access to I/O ports");
    173 ioperm unsupported("programs have no access to I/O ports");
    174 create_module unsupported("removed from Linux");
    175 init_module unsupported("kernel modules and other kernels can't be loaded");
    176 delete_module unsupported("kernel modules and other kernels can't be loaded");
    177 get_kernel_syms unsupported("removed from Linux");
    178 query_module unsupported("removed from Linux");
    179 quotactl unsupported("the machine is the host's");
    180 nfsservctl unsupported("removed from Linux");
    181 getpmsg unsupported("removed from Linux");
    182 putpmsg unsupported("removed from Linux");
    183 afs_syscall unsupported("removed from Linux");
    184 tuxcall unsupported("removed from Linux");
    185 security unsupported("removed from Linux");
    186 gettid() = process::sys::gettid, complete;
    187 readahead(fd: FileDesc, offset: i64, count: usize) = fs::sys::readahead, complete;
    188 setxattr(path: UserPath, name: UserStr, value: UserPtr<u8>, size: usize, flags: Flags) = fs::sys::setxattr, complete;
    189 lsetxattr(path: UserPath, name: UserStr, value: UserPtr<u8>, size: usize, flags: Flags) = fs::sys::lsetxattr, complete;
    190 fsetxattr(fd: FileDesc, name: UserStr, value: UserPtr<u8>, size: usize, flags: Flags) = fs::sys::fsetxattr, complete;
    191 getxattr(path: UserPath, name: UserStr, value: UserPtr<u8>, size: usize) = fs::sys::getxattr, complete;
    192 lgetxattr(path: UserPath, name: UserStr, value: UserPtr<u8>, size: usize) = fs::sys::lgetxattr, complete;
    193 fgetxattr(fd: FileDesc, name: UserStr, value: UserPtr<u8>, size: usize) = fs::sys::fgetxattr, complete;
    194 listxattr(path: UserPath, list: UserPtr<u8>, size: usize) = fs::sys::listxattr, complete;
    195 llistxattr(path: UserPath, list: UserPtr<u8>, size: usize) = fs::sys::llistxattr, complete;
    196 flistxattr(fd: FileDesc, list: UserPtr<u8>, size: usize) = fs::sys::flistxattr, complete;
    197 removexattr(path: UserPath, name: UserStr) = fs::sys::removexattr, complete;
    198 lremovexattr(path: UserPath, name: UserStr) = fs::sys::lremovexattr, complete;
    199 fremovexattr(fd: FileDesc, name: UserStr) = fs::sys::fremovexattr, complete;
    200 tkill(tid: i32, signal: i32) = signal::sys::tkill, complete;
    201 time(time: UserPtr<i64>) = time::sys::time, complete;
    202 futex(word: UserPtr<u32>, op: Flags, value: u32, timeout: u64, word2: UserPtr<u32>, value3: u32) = ipc::sys::futex, complete;
    203 sched_setaffinity(tid: i32, len: u32, mask: UserPtr<u8>) = process::sys::sched_setaffinity, complete;
    204 sched_getaffinity(tid: i32, len: u32, mask: UserPtr<u8>) = process::sys::sched_getaffinity, complete;
    205 set_thread_area unsupported("removed from Linux");
    206 io_setup unsupported("asynchronous I/O is not built in");
    207 io_destroy unsupported("asynchronous I/O is not built in");
    208 io_getevents unsupported("asynchronous I/O is not built in");
    209 io_submit unsupported("asynchronous I/O is not built in");
    210 io_cancel unsupported("asynchronous I/O is not built in");
    211 get_thread_area unsupported("removed from Linux");
    212 lookup_dcookie unsupported("removed from Linux");
    213 epoll_create(size: i32) = events::sys::epoll_create, complete;
    214 epoll_ctl_old unsupported("removed from Linux");
    215 epoll_wait_old unsupported("removed from Linux");
    216 remap_file_pages unsupported("deprecated since Linux 3.16");
    217 getdents64(fd: FileDesc, buffer: UserPtr<u8>, count: u32) = fs::sys::getdents64, complete;
    218 set_tid_address(addr: UserPtr<u32>) = process::sys::set_tid_address, complete;
    219 restart_syscall() = super::restart::restart_syscall, complete;
    220 semtimedop(id: i32, operations: UserPtr<SemBuf>, count: usize, timeout: UserPtr<Timespec>) = ipc::sysv::semtimedop, complete;
    221 fadvise64(fd: FileDesc, offset: i64, len: u64, advice: u32) = fs::sys::fadvise64, complete;
    222 timer_create(clock: i32, event: UserPtr<SigEvent>, id: UserPtr<i32>) = time::sys::timer_create, complete;
    223 timer_settime(id: i32, flags: u32, new: UserPtr<TimerSpec>, old: UserPtr<TimerSpec>) = time::sys::timer_settime, complete;
    224 timer_gettime(id: i32, value: UserPtr<TimerSpec>) = time::sys::timer_gettime, complete;
    225 timer_getoverrun(id: i32) = time::sys::timer_getoverrun, complete;
    226 timer_delete(id: i32) = time::sys::timer_delete, complete;
    227 clock_settime(id: i32, time: UserPtr<Timespec>) = time::sys::clock_settime, partial("the host's clock isn't set for programs");
    228 clock_gettime(id: i32, time: UserPtr<Timespec>) = time::sys::clock_gettime, complete;
    229 clock_getres(id: i32, resolution: UserPtr<Timespec>) = time::sys::clock_getres, complete;
    230 clock_nanosleep(id: i32, flags: u32, request: UserPtr<Timespec>, remaining: UserPtr<Timespec>) = time::sys::clock_nanosleep, complete;
    231 exit_group(status: i32) = process::sys::exit_group, complete;
    232 epoll_wait(epoll: FileDesc, events: UserPtr<EpollEvent>, max: i32, timeout: i32) = events::sys::epoll_wait, complete;
    233 epoll_ctl(epoll: FileDesc, operation: i32, fd: FileDesc, event: UserPtr<EpollEvent>) = events::sys::epoll_ctl, complete;
    234 tgkill(pid: i32, tid: i32, signal: i32) = signal::sys::tgkill, complete;
    235 utimes(path: UserPath, times: UserPtr<[[i64; 2]; 2]>) = fs::sys::utimes, complete;
    236 vserver unsupported("removed from Linux");
    237 mbind unsupported("NUMA policies are not built in");
    238 set_mempolicy unsupported("NUMA policies are not built in");
    239 get_mempolicy unsupported("NUMA policies are not built in");
    240 mq_open(name: UserStr, flags: StatusFlags, mode: Mode, attributes: UserPtr<MqAttr>) = ipc::mqueue::sys::mq_open, complete;
    241 mq_unlink(name: UserStr) = ipc::mqueue::sys::mq_unlink, complete;
    242 mq_timedsend(fd: FileDesc, message: UserPtr<u8>, len: usize, priority: u32, timeout: UserPtr<Timespec>) = ipc::mqueue::sys::mq_timedsend, complete;
    243 mq_timedreceive(fd: FileDesc, buffer: UserPtr<u8>, len: usize, priority: UserPtr<u32>, timeout: UserPtr<Timespec>) = ipc::mqueue::sys::mq_timedreceive, complete;
    244 mq_notify(fd: FileDesc, event: UserPtr<SigEvent>) = ipc::mqueue::sys::mq_notify, partial("no SIGEV_THREAD, which takes netlink sockets");
    245 mq_getsetattr(fd: FileDesc, new: UserPtr<MqAttr>, old: UserPtr<MqAttr>) = ipc::mqueue::sys::mq_getsetattr, complete;
    246 kexec_load unsupported("kernel modules and other kernels can't be loaded");
    247 waitid(kind: u32, id: u32, info: UserPtr<SigInfo>, options: u32, usage: UserPtr<Rusage>) = process::sys::waitid, complete;
    248 add_key unsupported("key rings are not built in");
    249 request_key unsupported("key rings are not built in");
    250 keyctl unsupported("key rings are not built in");
    251 ioprio_set(which: i32, who: u32, priority: i32) = process::sys::ioprio_set, complete;
    252 ioprio_get(which: i32, who: u32) = process::sys::ioprio_get, complete;
    253 inotify_init() = fs::inotify::sys::inotify_init, complete;
    254 inotify_add_watch(fd: FileDesc, path: UserPath, mask: Flags) = fs::inotify::sys::inotify_add_watch, partial("what is changed outside isn't told of");
    255 inotify_rm_watch(fd: FileDesc, watch: i32) = fs::inotify::sys::inotify_rm_watch, complete;
    256 migrate_pages unsupported("NUMA policies are not built in");
    257 openat(dir: DirDesc, path: UserPath, flags: StatusFlags, mode: Mode) = fs::sys::openat, complete;
    258 mkdirat(dir: DirDesc, path: UserPath, mode: Mode) = fs::sys::mkdirat, complete;
    259 mknodat(dir: DirDesc, path: UserPath, mode: Mode, dev: u64) = fs::sys::mknodat, complete;
    260 fchownat(dir: DirDesc, path: UserPath, uid: u32, gid: u32, flags: AtFlags) = fs::sys::fchownat, complete;
    261 futimesat(dir: DirDesc, path: UserPath, times: UserPtr<[[i64; 2]; 2]>) = fs::sys::futimesat, complete;
    262 newfstatat(dir: DirDesc, path: UserPath, stat: UserPtr<Stat>, flags: AtFlags) = fs::sys::newfstatat, complete;
    263 unlinkat(dir: DirDesc, path: UserPath, flags: AtFlags) = fs::sys::unlinkat, complete;
    264 renameat(old_dir: DirDesc, old: UserPath, new_dir: DirDesc, new: UserPath) = fs::sys::renameat, complete;
    265 linkat(old_dir: DirDesc, old: UserPath, new_dir: DirDesc, new: UserPath, flags: AtFlags) = fs::sys::linkat, complete;
    266 symlinkat(target: UserPath, dir: DirDesc, path: UserPath) = fs::sys::symlinkat, complete;
    267 readlinkat(dir: DirDesc, path: UserPath, buffer: UserPtr<u8>, size: i32) = fs::sys::readlinkat, complete;
    268 fchmodat(dir: DirDesc, path: UserPath, mode: Mode) = fs::sys::fchmodat, complete;
    269 faccessat(dir: DirDesc, path: UserPath, mode: Mode) = fs::sys::faccessat, complete;
    270 pselect6(count: i32, reads: UserPtr<u64>, writes: UserPtr<u64>, excepts: UserPtr<u64>, timeout: UserPtr<Timespec>, mask: UserPtr<[u64; 2]>) = events::sys::pselect6, complete;
    271 ppoll(array: UserPtr<PollEntry>, count: u32, timeout: UserPtr<Timespec>, mask: UserPtr<u64>, size: usize) = events::sys::ppoll, complete;
    272 unshare unsupported("namespaces are not built in");
    273 set_robust_list(head: Addr, len: usize) = ipc::sys::set_robust_list, complete;
    274 get_robust_list(tid: i32, head: UserPtr<u64>, len: UserPtr<usize>) = ipc::sys::get_robust_list, complete;
    275 splice(input: FileDesc, in_offset: UserPtr<i64>, out: FileDesc, out_offset: UserPtr<i64>, count: usize, flags: SpliceFlags) = fs::sys::splice, complete;
    276 tee(input: FileDesc, out: FileDesc, count: usize, flags: SpliceFlags) = fs::sys::tee, complete;
    277 sync_file_range(fd: FileDesc, offset: i64, len: i64, flags: u32) = fs::sys::sync_file_range, complete;
    278 vmsplice(fd: FileDesc, vector: UserPtr<[u64; 2]>, count: usize, flags: SpliceFlags) = fs::sys::vmsplice, complete;
    279 move_pages unsupported("NUMA policies are not built in");
    280 utimensat(dir: DirDesc, path: UserPath, times: UserPtr<[[i64; 2]; 2]>, flags: AtFlags) = fs::sys::utimensat, complete;
    281 epoll_pwait(epoll: FileDesc, events: UserPtr<EpollEvent>, max: i32, timeout: i32, mask: UserPtr<u64>, size: usize) = events::sys::epoll_pwait, complete;
    282 signalfd(fd: FileDesc, mask: UserPtr<u64>, size: usize) = signal::sys::signalfd, complete;
    283 timerfd_create(clock: i32, flags: TimerFdFlags) = time::sys::timerfd_create, complete;
    284 eventfd(count: u32) = events::sys::eventfd, complete;
    285 fallocate(fd: FileDesc, mode: u32, offset: i64, len: i64) = fs::sys::fallocate, complete;
    286 timerfd_settime(fd: FileDesc, flags: SetTimeFlags, new: UserPtr<TimerSpec>, old: UserPtr<TimerSpec>) = time::sys::timerfd_settime, complete;
    287 timerfd_gettime(fd: FileDesc, value: UserPtr<TimerSpec>) = time::sys::timerfd_gettime, complete;
    288 accept4(fd: FileDesc, address: UserPtr<u8>, len: UserPtr<i32>, flags: Flags) = net::sys::accept4, complete;
    289 signalfd4(fd: FileDesc, mask: UserPtr<u64>, size: usize, flags: SignalFdFlags) = signal::sys::signalfd4, complete;
    290 eventfd2(count: u32, flags: EventFdFlags) = events::sys::eventfd2, complete;
    291 epoll_create1(flags: EpollFlags) = events::sys::epoll_create1, complete;
    292 dup3(old: FileDesc, new: FileDesc, flags: Flags) = fs::sys::dup3, complete;
    293 pipe2(fds: UserPtr<[i32; 2]>, flags: Flags) = fs::sys::pipe2, complete;
    294 inotify_init1(flags: InotifyFlags) = fs::inotify::sys::inotify_init1, complete;
    295 preadv(fd: FileDesc, vector: UserPtr<[u64; 2]>, count: usize, offset: i64, high: u64) = fs::sys::preadv, complete;
    296 pwritev(fd: FileDesc, vector: UserPtr<[u64; 2]>, count: usize, offset: i64, high: u64) = fs::sys::pwritev, complete;
    297 rt_tgsigqueueinfo(pid: i32, tid: i32, signal: i32, info: UserPtr<SigInfo>) = signal::sys::rt_tgsigqueueinfo, complete;
    298 perf_event_open unsupported("tracing other processes is not built in");
    299 recvmmsg(fd: FileDesc, messages: UserPtr<NumberedHeader>, count: u32, flags: MessageFlags, timeout: UserPtr<Timespec>) = net::sys::recvmmsg, complete;
    300 fanotify_init unsupported("event files are not there yet");
    301 fanotify_mark unsupported("event files are not there yet");
    302 prlimit64(pid: i32, resource: u32, new: UserPtr<[u64; 2]>, old: UserPtr<[u64; 2]>) = process::sys::prlimit64, partial("RLIMIT_RTTIME is not enforced, RLIMIT_CPU not beyond a fork");
    303 name_to_handle_at unsupported("file handles are not built in");
    304 open_by_handle_at unsupported("file handles are not built in");
    305 clock_adjtime unsupported("the machine is the host's");
    306 syncfs(fd: FileDesc) = fs::sys::syncfs, complete;
    307 sendmmsg(fd: FileDesc, messages: UserPtr<NumberedHeader>, count: u32, flags: MessageFlags) = net::sys::sendmmsg, complete;
    308 setns unsupported("namespaces are not built in");
    309 getcpu(cpu: UserPtr<u32>, node: UserPtr<u32>, cache: u64) = process::sys::getcpu, complete;
    310 process_vm_readv(pid: i32, local: UserPtr<[u64; 2]>, local_count: usize, remote: UserPtr<[u64; 2]>, remote_count: usize, flags: Flags) = mm::sys::process_vm_readv, complete;
    311 process_vm_writev(pid: i32, local: UserPtr<[u64; 2]>, local_count: usize, remote: UserPtr<[u64; 2]>, remote_count: usize, flags: Flags) = mm::sys::process_vm_writev, complete;
    312 kcmp unsupported("tracing other processes is not built in");
    313 finit_module unsupported("kernel modules and other kernels can't be loaded");
    314 sched_setattr(tid: i32, attr: UserPtr<SchedAttr>, flags: Flags) = process::sys::sched_setattr, partial("no SCHED_DEADLINE, no utilization clamping");
    315 sched_getattr(tid: i32, attr: UserPtr<SchedAttr>, size: u32, flags: Flags) = process::sys::sched_getattr, complete;
    316 renameat2(old_dir: DirDesc, old: UserPath, new_dir: DirDesc, new: UserPath, flags: Flags) = fs::sys::renameat2, complete;
    317 seccomp unsupported("not built in, as in a kernel without CONFIG_SECCOMP");
    318 getrandom(buf: UserPtr<u8>, len: usize, flags: Flags) = system::sys::getrandom, complete;
    319 memfd_create(name: UserStr, flags: MemfdFlags) = fs::sys::memfd_create, complete;
    320 kexec_file_load unsupported("kernel modules and other kernels can't be loaded");
    321 bpf unsupported("tracing other processes is not built in");
    322 execveat(dir: DirDesc, path: UserPath, args: UserPtr<u64>, env: UserPtr<u64>, flags: Flags) = process::sys::execveat, complete;
    323 userfaultfd unsupported("not built in");
    324 membarrier(command: Flags, flags: Flags, cpu: i32) = mm::sys::membarrier, partial("no restartable sequences");
    325 mlock2(addr: Addr, len: usize, flags: Flags) = mm::sys::mlock2, complete;
    326 copy_file_range(input: FileDesc, in_offset: UserPtr<i64>, out: FileDesc, out_offset: UserPtr<i64>, count: usize, flags: u32) = fs::sys::copy_file_range, complete;
    327 preadv2(fd: FileDesc, vector: UserPtr<[u64; 2]>, count: usize, offset: i64, high: u64, flags: u32) = fs::sys::preadv2, partial("no RWF_NOWAIT");
    328 pwritev2(fd: FileDesc, vector: UserPtr<[u64; 2]>, count: usize, offset: i64, high: u64, flags: u32) = fs::sys::pwritev2, partial("no RWF_NOWAIT, RWF_APPEND");
    329 pkey_mprotect(addr: Addr, len: usize, prot: ProtFlags, key: i32) = mm::sys::pkey_mprotect, partial("no protection keys, as on processors without them");
    330 pkey_alloc(flags: u64, access: Flags) = mm::sys::pkey_alloc, partial("no protection keys, as on processors without them");
    331 pkey_free(key: i32) = mm::sys::pkey_free, partial("no protection keys, as on processors without them");
    332 statx(dir: DirDesc, path: UserPath, flags: AtFlags, mask: u32, buffer: UserPtr<Statx>) = fs::sys::statx, complete;
    333 io_pgetevents unsupported("asynchronous I/O is not built in");
    334 rseq unsupported("optional: C libraries do without");
    335 uretprobe unsupported("tracing other processes is not built in");
    336 uprobe unsupported("tracing other processes is not built in");
    424 pidfd_send_signal(pidfd: FileDesc, signal: i32, info: UserPtr<SigInfo>, flags: u32) = process::sys::pidfd_send_signal, complete;
    425 io_uring_setup unsupported("asynchronous I/O is not built in");
    426 io_uring_enter unsupported("asynchronous I/O is not built in");
    427 io_uring_register unsupported("asynchronous I/O is not built in");
    428 open_tree unsupported("mounting is not there yet");
    429 move_mount unsupported("mounting is not there yet");
    430 fsopen unsupported("mounting is not there yet");
    431 fsconfig unsupported("mounting is not there yet");
    432 fsmount unsupported("mounting is not there yet");
    433 fspick unsupported("mounting is not there yet");
    434 pidfd_open(pid: i32, flags: u32) = process::sys::pidfd_open, complete;
    435 clone3(args: UserPtr<CloneArgs>, size: usize) = process::sys::clone3, partial("namespaces and cgroups are refused with EPERM, chosen ids too");
    436 close_range(first: u32, last: u32, flags: CloseRangeFlags) = fs::sys::close_range, complete;
    437 openat2(dir: DirDesc, path: UserPath, how: UserPtr<OpenHow>, size: usize) = fs::sys::openat2, complete;
    438 pidfd_getfd(pidfd: FileDesc, target: FileDesc, flags: u32) = process::sys::pidfd_getfd, complete;
    439 faccessat2(dir: DirDesc, path: UserPath, mode: Mode, flags: Flags) = fs::sys::faccessat2, complete;
    440 process_madvise(pidfd: FileDesc, pieces: UserPtr<[u64; 2]>, count: usize, advice: Flags, flags: Flags) = mm::sys::process_madvise, partial("not of processes that were forked");
    441 epoll_pwait2(epoll: FileDesc, events: UserPtr<EpollEvent>, max: i32, timeout: UserPtr<Timespec>, mask: UserPtr<u64>, size: usize) = events::sys::epoll_pwait2, complete;
    442 mount_setattr unsupported("mounting is not there yet");
    443 quotactl_fd unsupported("the machine is the host's");
    444 landlock_create_ruleset unsupported("Landlock is not built in");
    445 landlock_add_rule unsupported("Landlock is not built in");
    446 landlock_restrict_self unsupported("Landlock is not built in");
    447 memfd_secret unsupported("not built in");
    448 process_mrelease unsupported("the memory of killed processes is released as they end");
    449 futex_waitv(waiters: UserPtr<FutexWaitv>, count: u32, flags: Flags, timeout: UserPtr<[i64; 2]>, clock: i32) = ipc::sys::futex_waitv, complete;
    450 set_mempolicy_home_node unsupported("NUMA policies are not built in");
    451 cachestat unsupported("not there yet");
    452 fchmodat2(dir: DirDesc, path: UserPath, mode: Mode, flags: AtFlags) = fs::sys::fchmodat2, complete;
    453 map_shadow_stack unsupported("not built in");
    454 futex_wake(word: UserPtr<u32>, mask: u64, count: i32, flags: Flags) = ipc::sys::futex_wake, complete;
    455 futex_wait(word: UserPtr<u32>, value: u64, mask: u64, flags: Flags, timeout: UserPtr<[i64; 2]>, clock: i32) = ipc::sys::futex_wait, complete;
    456 futex_requeue(waiters: UserPtr<FutexWaitv>, flags: Flags, wake: i32, requeue: i32) = ipc::sys::futex_requeue, complete;
    457 statmount unsupported("mounting is not there yet");
    458 listmount unsupported("mounting is not there yet");
    459 lsm_get_self_attr unsupported("security modules are not built in");
    460 lsm_set_self_attr unsupported("security modules are not built in");
    461 lsm_list_modules unsupported("security modules are not built in");
    462 mseal unsupported("not built in");
    463 setxattrat unsupported("not there yet");
    464 getxattrat unsupported("not there yet");
    465 listxattrat unsupported("not there yet");
    466 removexattrat unsupported("not there yet");
    467 open_tree_attr unsupported("mounting is not there yet");
    468 file_getattr unsupported("not there yet");
    469 file_setattr unsupported("not there yet");
}

#[cfg(test)]
mod tests {
    use super::*;
    use linux_raw_sys::general as sys;

    #[test]
    fn every_number_has_linux_name() {
        let sample: &[(u32, &str)] = &[
            (sys::__NR_read, "read"),
            (sys::__NR_mmap, "mmap"),
            (sys::__NR_rt_sigreturn, "rt_sigreturn"),
            (sys::__NR_sched_yield, "sched_yield"),
            (sys::__NR_getpid, "getpid"),
            (sys::__NR_clone, "clone"),
            (sys::__NR_uname, "uname"),
            (sys::__NR_getcwd, "getcwd"),
            (sys::__NR_getuid, "getuid"),
            (sys::__NR_setfsgid, "setfsgid"),
            (sys::__NR_prctl, "prctl"),
            (sys::__NR_reboot, "reboot"),
            (sys::__NR_gettid, "gettid"),
            (sys::__NR_futex, "futex"),
            (sys::__NR_getdents64, "getdents64"),
            (sys::__NR_clock_gettime, "clock_gettime"),
            (sys::__NR_exit_group, "exit_group"),
            (sys::__NR_openat, "openat"),
            (sys::__NR_set_robust_list, "set_robust_list"),
            (sys::__NR_pipe2, "pipe2"),
            (sys::__NR_prlimit64, "prlimit64"),
            (sys::__NR_getrandom, "getrandom"),
            (sys::__NR_statx, "statx"),
            (sys::__NR_rseq, "rseq"),
            (sys::__NR_uretprobe, "uretprobe"),
            (sys::__NR_pidfd_send_signal, "pidfd_send_signal"),
            (sys::__NR_clone3, "clone3"),
            (sys::__NR_futex_waitv, "futex_waitv"),
            (sys::__NR_mseal, "mseal"),
            (sys::__NR_file_setattr, "file_setattr"),
        ];
        for &(number, name) in sample {
            assert_eq!(TABLE[number as usize].name, name, "number {number}");
        }
        assert_eq!(COUNT, sys::__NR_file_setattr as usize + 1);
    }

    #[test]
    fn only_the_gap_of_linux_has_no_names() {
        let unnamed: Vec<usize> = (0..COUNT).filter(|&number| TABLE[number].name.is_empty()).collect();
        assert_eq!(unnamed, (337..424).collect::<Vec<_>>());
    }

    #[test]
    fn a_call_has_a_function_unless_it_is_unsupported() {
        for entry in &TABLE {
            assert_eq!(entry.call.is_none(), matches!(entry.state, State::Unsupported(_)), "{}", entry.name);
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = ROWS.iter().map(|entry| entry.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
