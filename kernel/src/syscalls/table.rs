//! All system calls of Linux on x86-64, with what is done here.
//!
//! Each row says number, name and either arguments, function and state, or why there is none. Arguments are decoded in
//! order before the function is called; the first that can't be decoded is the call's result.

use super::args::{Addr, Arg, DirDesc, FileDesc, Flags, Mode, UserPath, UserStr};
use super::dispatch::Context;
use crate::ipc::sys::FutexWaitv;
use crate::mm::sys::{LockAllFlags, MapFlags, ProtFlags, RemapFlags, SyncFlags};
use crate::prelude::*;
use crate::process::sys::{CloneArgs, SchedAttr};
use crate::{ipc, mm, process, system};
use core::fmt::{self, Write};
use frame::ocall::process::SysInfo;

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

/// Decodes a system call's words and makes it.
pub type Call = fn(Context<'_>, [u64; 6]) -> Result<usize>;

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
        fn call(cx: Context<'_>, words: [u64; 6]) -> Result<usize> {
            let mut _words = words.into_iter();
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
    0 read unsupported("not there yet");
    1 write unsupported("not there yet");
    2 open unsupported("not there yet");
    3 close unsupported("not there yet");
    4 stat unsupported("not there yet");
    5 fstat unsupported("not there yet");
    6 lstat unsupported("not there yet");
    7 poll unsupported("not there yet");
    8 lseek unsupported("not there yet");
    9 mmap(addr: Addr, len: usize, prot: ProtFlags, flags: MapFlags, fd: FileDesc, offset: u64) = mm::sys::mmap, partial("no huge pages");
    10 mprotect(addr: Addr, len: usize, prot: ProtFlags) = mm::sys::mprotect, complete;
    11 munmap(addr: Addr, len: usize) = mm::sys::munmap, complete;
    12 brk(addr: Addr) = mm::sys::brk, complete;
    13 rt_sigaction unsupported("not there yet");
    14 rt_sigprocmask unsupported("not there yet");
    15 rt_sigreturn unsupported("not there yet");
    16 ioctl unsupported("not there yet");
    17 pread64 unsupported("not there yet");
    18 pwrite64 unsupported("not there yet");
    19 readv unsupported("not there yet");
    20 writev unsupported("not there yet");
    21 access unsupported("not there yet");
    22 pipe unsupported("not there yet");
    23 select unsupported("not there yet");
    24 sched_yield() = process::sys::sched_yield, complete;
    25 mremap(addr: Addr, old_len: usize, new_len: usize, flags: RemapFlags, new_addr: Addr) = mm::sys::mremap, partial("code with patched system calls can't be moved");
    26 msync(addr: Addr, len: usize, flags: SyncFlags) = mm::sys::msync, complete;
    27 mincore(addr: Addr, len: usize, vector: UserPtr<u8>) = mm::sys::mincore, complete;
    28 madvise(addr: Addr, len: usize, advice: Flags) = mm::sys::madvise, partial("memory failures can't be simulated");
    29 shmget unsupported("System V IPC is not built in");
    30 shmat unsupported("System V IPC is not built in");
    31 shmctl unsupported("System V IPC is not built in");
    32 dup unsupported("not there yet");
    33 dup2 unsupported("not there yet");
    34 pause unsupported("not there yet");
    35 nanosleep unsupported("not there yet");
    36 getitimer unsupported("not there yet");
    37 alarm unsupported("not there yet");
    38 setitimer unsupported("not there yet");
    39 getpid() = process::sys::getpid, complete;
    40 sendfile unsupported("not there yet");
    41 socket unsupported("sockets are not there yet");
    42 connect unsupported("sockets are not there yet");
    43 accept unsupported("sockets are not there yet");
    44 sendto unsupported("sockets are not there yet");
    45 recvfrom unsupported("sockets are not there yet");
    46 sendmsg unsupported("sockets are not there yet");
    47 recvmsg unsupported("sockets are not there yet");
    48 shutdown unsupported("sockets are not there yet");
    49 bind unsupported("sockets are not there yet");
    50 listen unsupported("sockets are not there yet");
    51 getsockname unsupported("sockets are not there yet");
    52 getpeername unsupported("sockets are not there yet");
    53 socketpair unsupported("sockets are not there yet");
    54 setsockopt unsupported("sockets are not there yet");
    55 getsockopt unsupported("sockets are not there yet");
    56 clone(flags: u64, stack: usize, parent_tid: UserPtr<u32>, child_tid: UserPtr<u32>, tls: u64) = process::sys::clone, partial("threads; new processes and namespaces are not there yet");
    57 fork unsupported("new processes are not there yet");
    58 vfork unsupported("new processes are not there yet");
    59 execve(path: UserPath, args: UserPtr<u64>, env: UserPtr<u64>) = process::sys::execve, complete;
    60 exit(status: i32) = process::sys::exit, complete;
    61 wait4(pid: i32, status: UserPtr<i32>, options: u32, usage: UserPtr<u8>) = process::sys::wait4, partial("there are no children yet");
    62 kill unsupported("not there yet");
    63 uname(buf: UserPtr<[u8; 390]>) = system::sys::uname, complete;
    64 semget unsupported("System V IPC is not built in");
    65 semop unsupported("System V IPC is not built in");
    66 semctl unsupported("System V IPC is not built in");
    67 shmdt unsupported("System V IPC is not built in");
    68 msgget unsupported("System V IPC is not built in");
    69 msgsnd unsupported("System V IPC is not built in");
    70 msgrcv unsupported("System V IPC is not built in");
    71 msgctl unsupported("System V IPC is not built in");
    72 fcntl unsupported("not there yet");
    73 flock unsupported("not there yet");
    74 fsync unsupported("not there yet");
    75 fdatasync unsupported("not there yet");
    76 truncate unsupported("not there yet");
    77 ftruncate unsupported("not there yet");
    78 getdents unsupported("not there yet");
    79 getcwd unsupported("not there yet");
    80 chdir unsupported("not there yet");
    81 fchdir unsupported("not there yet");
    82 rename unsupported("not there yet");
    83 mkdir unsupported("not there yet");
    84 rmdir unsupported("not there yet");
    85 creat unsupported("not there yet");
    86 link unsupported("not there yet");
    87 unlink unsupported("not there yet");
    88 symlink unsupported("not there yet");
    89 readlink unsupported("not there yet");
    90 chmod unsupported("not there yet");
    91 fchmod unsupported("not there yet");
    92 chown unsupported("not there yet");
    93 fchown unsupported("not there yet");
    94 lchown unsupported("not there yet");
    95 umask unsupported("not there yet");
    96 gettimeofday unsupported("not there yet");
    97 getrlimit(resource: u32, limit: UserPtr<[u64; 2]>) = process::sys::getrlimit, complete;
    98 getrusage unsupported("not there yet");
    99 sysinfo(info: UserPtr<SysInfo>) = system::sys::sysinfo, complete;
    100 times unsupported("not there yet");
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
    127 rt_sigpending unsupported("not there yet");
    128 rt_sigtimedwait unsupported("not there yet");
    129 rt_sigqueueinfo unsupported("not there yet");
    130 rt_sigsuspend unsupported("not there yet");
    131 sigaltstack unsupported("not there yet");
    132 utime unsupported("not there yet");
    133 mknod unsupported("not there yet");
    134 uselib unsupported("removed from Linux");
    135 personality(persona: u64) = process::sys::personality, partial("kept, but only ADDR_NO_RANDOMIZE and its kin could have an effect, and have none");
    136 ustat unsupported("obsolete");
    137 statfs unsupported("not there yet");
    138 fstatfs unsupported("not there yet");
    139 sysfs unsupported("obsolete");
    140 getpriority(which: i32, who: u32) = process::sys::getpriority, complete;
    141 setpriority(which: i32, who: u32, priority: i32) = process::sys::setpriority, partial("kept, but the host schedules all alike");
    142 sched_setparam(tid: i32, param: UserPtr<i32>) = process::sys::sched_setparam, partial("kept, but the host schedules all alike");
    143 sched_getparam(tid: i32, param: UserPtr<i32>) = process::sys::sched_getparam, complete;
    144 sched_setscheduler(tid: i32, policy: u32, param: UserPtr<i32>) = process::sys::sched_setscheduler, partial("kept, but the host schedules all alike; no SCHED_DEADLINE");
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
    160 setrlimit(resource: u32, limit: UserPtr<[u64; 2]>) = process::sys::setrlimit, complete;
    161 chroot unsupported("not there yet");
    162 sync unsupported("not there yet");
    163 acct unsupported("the machine is the host's");
    164 settimeofday unsupported("the machine is the host's");
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
    187 readahead unsupported("not there yet");
    188 setxattr unsupported("not there yet");
    189 lsetxattr unsupported("not there yet");
    190 fsetxattr unsupported("not there yet");
    191 getxattr unsupported("not there yet");
    192 lgetxattr unsupported("not there yet");
    193 fgetxattr unsupported("not there yet");
    194 listxattr unsupported("not there yet");
    195 llistxattr unsupported("not there yet");
    196 flistxattr unsupported("not there yet");
    197 removexattr unsupported("not there yet");
    198 lremovexattr unsupported("not there yet");
    199 fremovexattr unsupported("not there yet");
    200 tkill unsupported("not there yet");
    201 time unsupported("not there yet");
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
    213 epoll_create unsupported("event files are not there yet");
    214 epoll_ctl_old unsupported("removed from Linux");
    215 epoll_wait_old unsupported("removed from Linux");
    216 remap_file_pages unsupported("deprecated since Linux 3.16");
    217 getdents64 unsupported("not there yet");
    218 set_tid_address(addr: UserPtr<u32>) = process::sys::set_tid_address, complete;
    219 restart_syscall unsupported("obsolete");
    220 semtimedop unsupported("System V IPC is not built in");
    221 fadvise64 unsupported("not there yet");
    222 timer_create unsupported("not there yet");
    223 timer_settime unsupported("not there yet");
    224 timer_gettime unsupported("not there yet");
    225 timer_getoverrun unsupported("not there yet");
    226 timer_delete unsupported("not there yet");
    227 clock_settime unsupported("the machine is the host's");
    228 clock_gettime unsupported("not there yet");
    229 clock_getres unsupported("not there yet");
    230 clock_nanosleep unsupported("not there yet");
    231 exit_group(status: i32) = process::sys::exit_group, complete;
    232 epoll_wait unsupported("event files are not there yet");
    233 epoll_ctl unsupported("event files are not there yet");
    234 tgkill unsupported("not there yet");
    235 utimes unsupported("not there yet");
    236 vserver unsupported("removed from Linux");
    237 mbind unsupported("NUMA policies are not built in");
    238 set_mempolicy unsupported("NUMA policies are not built in");
    239 get_mempolicy unsupported("NUMA policies are not built in");
    240 mq_open unsupported("POSIX message queues are not built in");
    241 mq_unlink unsupported("POSIX message queues are not built in");
    242 mq_timedsend unsupported("POSIX message queues are not built in");
    243 mq_timedreceive unsupported("POSIX message queues are not built in");
    244 mq_notify unsupported("POSIX message queues are not built in");
    245 mq_getsetattr unsupported("POSIX message queues are not built in");
    246 kexec_load unsupported("kernel modules and other kernels can't be loaded");
    247 waitid(kind: u32, id: u32, info: UserPtr<u8>, options: u32, usage: UserPtr<u8>) = process::sys::waitid, partial("there are no children yet");
    248 add_key unsupported("key rings are not built in");
    249 request_key unsupported("key rings are not built in");
    250 keyctl unsupported("key rings are not built in");
    251 ioprio_set(which: i32, who: u32, priority: i32) = process::sys::ioprio_set, partial("kept, but the host's I/O knows no priorities of programs");
    252 ioprio_get(which: i32, who: u32) = process::sys::ioprio_get, complete;
    253 inotify_init unsupported("event files are not there yet");
    254 inotify_add_watch unsupported("event files are not there yet");
    255 inotify_rm_watch unsupported("event files are not there yet");
    256 migrate_pages unsupported("NUMA policies are not built in");
    257 openat unsupported("not there yet");
    258 mkdirat unsupported("not there yet");
    259 mknodat unsupported("not there yet");
    260 fchownat unsupported("not there yet");
    261 futimesat unsupported("not there yet");
    262 newfstatat unsupported("not there yet");
    263 unlinkat unsupported("not there yet");
    264 renameat unsupported("not there yet");
    265 linkat unsupported("not there yet");
    266 symlinkat unsupported("not there yet");
    267 readlinkat unsupported("not there yet");
    268 fchmodat unsupported("not there yet");
    269 faccessat unsupported("not there yet");
    270 pselect6 unsupported("not there yet");
    271 ppoll unsupported("not there yet");
    272 unshare unsupported("namespaces are not built in");
    273 set_robust_list(head: Addr, len: usize) = ipc::sys::set_robust_list, complete;
    274 get_robust_list(tid: i32, head: UserPtr<u64>, len: UserPtr<usize>) = ipc::sys::get_robust_list, complete;
    275 splice unsupported("not there yet");
    276 tee unsupported("not there yet");
    277 sync_file_range unsupported("not there yet");
    278 vmsplice unsupported("not there yet");
    279 move_pages unsupported("NUMA policies are not built in");
    280 utimensat unsupported("not there yet");
    281 epoll_pwait unsupported("event files are not there yet");
    282 signalfd unsupported("event files are not there yet");
    283 timerfd_create unsupported("event files are not there yet");
    284 eventfd unsupported("event files are not there yet");
    285 fallocate unsupported("not there yet");
    286 timerfd_settime unsupported("event files are not there yet");
    287 timerfd_gettime unsupported("event files are not there yet");
    288 accept4 unsupported("sockets are not there yet");
    289 signalfd4 unsupported("event files are not there yet");
    290 eventfd2 unsupported("event files are not there yet");
    291 epoll_create1 unsupported("event files are not there yet");
    292 dup3 unsupported("not there yet");
    293 pipe2 unsupported("not there yet");
    294 inotify_init1 unsupported("event files are not there yet");
    295 preadv unsupported("not there yet");
    296 pwritev unsupported("not there yet");
    297 rt_tgsigqueueinfo unsupported("not there yet");
    298 perf_event_open unsupported("tracing other processes is not built in");
    299 recvmmsg unsupported("sockets are not there yet");
    300 fanotify_init unsupported("event files are not there yet");
    301 fanotify_mark unsupported("event files are not there yet");
    302 prlimit64(pid: i32, resource: u32, new: UserPtr<[u64; 2]>, old: UserPtr<[u64; 2]>) = process::sys::prlimit64, complete;
    303 name_to_handle_at unsupported("file handles are not built in");
    304 open_by_handle_at unsupported("file handles are not built in");
    305 clock_adjtime unsupported("the machine is the host's");
    306 syncfs unsupported("not there yet");
    307 sendmmsg unsupported("sockets are not there yet");
    308 setns unsupported("namespaces are not built in");
    309 getcpu(cpu: UserPtr<u32>, node: UserPtr<u32>, cache: u64) = process::sys::getcpu, complete;
    310 process_vm_readv(pid: i32, local: UserPtr<[u64; 2]>, local_count: usize, remote: UserPtr<[u64; 2]>, remote_count: usize, flags: Flags) = mm::sys::process_vm_readv, partial("only the calling process's own memory");
    311 process_vm_writev(pid: i32, local: UserPtr<[u64; 2]>, local_count: usize, remote: UserPtr<[u64; 2]>, remote_count: usize, flags: Flags) = mm::sys::process_vm_writev, partial("only the calling process's own memory");
    312 kcmp unsupported("tracing other processes is not built in");
    313 finit_module unsupported("kernel modules and other kernels can't be loaded");
    314 sched_setattr(tid: i32, attr: UserPtr<SchedAttr>, flags: Flags) = process::sys::sched_setattr, partial("kept, but the host schedules all alike; no SCHED_DEADLINE");
    315 sched_getattr(tid: i32, attr: UserPtr<SchedAttr>, size: u32, flags: Flags) = process::sys::sched_getattr, complete;
    316 renameat2 unsupported("not there yet");
    317 seccomp unsupported("not built in, as in a kernel without CONFIG_SECCOMP");
    318 getrandom(buf: UserPtr<u8>, len: usize, flags: Flags) = system::sys::getrandom, complete;
    319 memfd_create unsupported("not there yet");
    320 kexec_file_load unsupported("kernel modules and other kernels can't be loaded");
    321 bpf unsupported("tracing other processes is not built in");
    322 execveat(dir: DirDesc, path: UserPath, args: UserPtr<u64>, env: UserPtr<u64>, flags: Flags) = process::sys::execveat, complete;
    323 userfaultfd unsupported("not built in");
    324 membarrier(command: Flags, flags: Flags, cpu: i32) = mm::sys::membarrier, partial("no restartable sequences");
    325 mlock2(addr: Addr, len: usize, flags: Flags) = mm::sys::mlock2, complete;
    326 copy_file_range unsupported("not there yet");
    327 preadv2 unsupported("not there yet");
    328 pwritev2 unsupported("not there yet");
    329 pkey_mprotect(addr: Addr, len: usize, prot: ProtFlags, key: i32) = mm::sys::pkey_mprotect, partial("no protection keys, as on processors without them");
    330 pkey_alloc(flags: u64, access: Flags) = mm::sys::pkey_alloc, partial("no protection keys, as on processors without them");
    331 pkey_free(key: i32) = mm::sys::pkey_free, partial("no protection keys, as on processors without them");
    332 statx unsupported("not there yet");
    333 io_pgetevents unsupported("asynchronous I/O is not built in");
    334 rseq unsupported("optional: C libraries do without");
    335 uretprobe unsupported("tracing other processes is not built in");
    336 uprobe unsupported("tracing other processes is not built in");
    424 pidfd_send_signal unsupported("process descriptors are not there yet");
    425 io_uring_setup unsupported("asynchronous I/O is not built in");
    426 io_uring_enter unsupported("asynchronous I/O is not built in");
    427 io_uring_register unsupported("asynchronous I/O is not built in");
    428 open_tree unsupported("mounting is not there yet");
    429 move_mount unsupported("mounting is not there yet");
    430 fsopen unsupported("mounting is not there yet");
    431 fsconfig unsupported("mounting is not there yet");
    432 fsmount unsupported("mounting is not there yet");
    433 fspick unsupported("mounting is not there yet");
    434 pidfd_open unsupported("process descriptors are not there yet");
    435 clone3(args: UserPtr<CloneArgs>, size: usize) = process::sys::clone3, partial("threads; new processes and namespaces are not there yet");
    436 close_range unsupported("not there yet");
    437 openat2 unsupported("not there yet");
    438 pidfd_getfd unsupported("process descriptors are not there yet");
    439 faccessat2 unsupported("not there yet");
    440 process_madvise(pidfd: FileDesc, pieces: UserPtr<[u64; 2]>, count: usize, advice: Flags, flags: Flags) = mm::sys::process_madvise, partial("there are no descriptors of processes");
    441 epoll_pwait2 unsupported("event files are not there yet");
    442 mount_setattr unsupported("mounting is not there yet");
    443 quotactl_fd unsupported("the machine is the host's");
    444 landlock_create_ruleset unsupported("Landlock is not built in");
    445 landlock_add_rule unsupported("Landlock is not built in");
    446 landlock_restrict_self unsupported("Landlock is not built in");
    447 memfd_secret unsupported("not built in");
    448 process_mrelease unsupported("there are no descriptors of processes");
    449 futex_waitv(waiters: UserPtr<FutexWaitv>, count: u32, flags: Flags, timeout: UserPtr<[i64; 2]>, clock: i32) = ipc::sys::futex_waitv, complete;
    450 set_mempolicy_home_node unsupported("NUMA policies are not built in");
    451 cachestat unsupported("not there yet");
    452 fchmodat2 unsupported("not there yet");
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
