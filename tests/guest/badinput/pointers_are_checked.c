// Every pointer argument of every system call, with pointers of every bad kind: an errno, and never a crash.
//
// Each line names the call, the argument's place and the kind of pointer. The other arguments are such that the pointer is
// looked at. A kind that Linux accepts (a null pointer that means "none") is printed as its result is: "fine".
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include "check.h"

enum kind { NULL_POINTER, UNMAPPED, KERNEL_HALF, NON_CANONICAL, LAST_BYTES, STRADDLING, READ_ONLY, KINDS };
static const char *const kind_names[] = { "null", "unmapped", "kernel half", "non-canonical", "wrapping", "straddling", "read-only" };

/* What an argument is. Pointers say how many bytes the call reads or writes there. */
struct argument {
    enum { VALUE, IN, OUT } type;
    long value;
};

#define V(value) { VALUE, (long)(value) }
#define I(size) { IN, size }
#define O(size) { OUT, size }

struct call {
    const char *name;
    long number;
    struct argument arguments[6];
    /* Which kinds to leave out, as a mask: where the null pointer means something that has effects. */
    unsigned without;
};

#define NO_NULL (1u << NULL_POINTER)
#define CALL(name, ...) { #name, SYS_##name, { __VA_ARGS__ }, 0 }
#define CALL_WITHOUT(mask, name, ...) { #name, SYS_##name, { __VA_ARGS__ }, mask }

/* Descriptors that main opens. */
enum { FILE_RW = 20, DIRECTORY = 21, PIPE_READ = 22, PIPE_WRITE = 23, FULL_PIPE = 24, SOCKET = 25, EPOLL = 26 };

static const char path[] = "file";
static char buffer[4096] __attribute__((aligned(4096)));
static long no_time[8]; /* and whatever else is all zero */
static int four = 4;

static const struct call calls[] = {
    CALL(read, V(FILE_RW), O(64), V(64)),
    CALL(write, V(FILE_RW), I(64), V(64)),
    CALL(open, I(2), V(O_RDONLY), V(0)),
    CALL(stat, I(2), V(buffer)),
    CALL(stat, V(path), O(144)),
    CALL(fstat, V(FILE_RW), O(144)),
    CALL(lstat, V(path), O(144)),
    CALL(poll, I(8), V(1), V(0)),
    CALL(rt_sigaction, V(SIGUSR2), I(32), V(0), V(8)),
    CALL(rt_sigaction, V(SIGUSR2), V(0), O(32), V(8)),
    CALL(rt_sigprocmask, V(SIG_BLOCK), I(8), V(0), V(8)),
    CALL(rt_sigprocmask, V(SIG_BLOCK), V(0), O(8), V(8)),
    CALL(pread64, V(FILE_RW), O(64), V(64), V(0)),
    CALL(pwrite64, V(FILE_RW), I(64), V(64), V(0)),
    CALL(readv, V(FILE_RW), I(16), V(1)),
    CALL(writev, V(FILE_RW), I(16), V(1)),
    CALL(access, I(2), V(F_OK)),
    CALL(pipe, O(8)),
    CALL(select, V(1), O(8), V(0), V(0), V(no_time)),
    CALL_WITHOUT(NO_NULL, select, V(0), V(0), V(0), V(0), O(16)),
    CALL(mincore, V(buffer), V(4096), O(1)),
    CALL_WITHOUT(NO_NULL, nanosleep, I(16), V(0)),
    CALL(nanosleep, I(16), V(0)),
    CALL(getitimer, V(0), O(32)),
    CALL(setitimer, V(1), I(32), V(0)),
    CALL(sendfile, V(FILE_RW), V(FILE_RW), O(8), V(0)),
    CALL(uname, O(390)),
    CALL(fcntl, V(FILE_RW), V(F_GETLK), O(32)),
    CALL(truncate, I(2), V(0)),
    CALL(getdents, V(DIRECTORY), O(1024), V(1024)),
    CALL(getcwd, O(4096), V(4096)),
    CALL(chdir, I(2)),
    CALL(rename, I(2), V("x")),
    CALL(rename, V(path), I(2)),
    CALL(mkdir, I(2), V(0700)),
    CALL(rmdir, I(2)),
    CALL(creat, I(2), V(0600)),
    CALL(link, I(2), V("x")),
    CALL(link, V(path), I(2)),
    CALL(unlink, I(2)),
    CALL(symlink, I(2), V("x")),
    CALL(symlink, V(path), I(2)),
    CALL(readlink, I(2), V(buffer), V(64)),
    CALL(readlink, V("link"), O(64), V(64)),
    CALL(chmod, I(2), V(0600)),
    CALL(chown, I(2), V(-1), V(-1)),
    CALL(lchown, I(2), V(-1), V(-1)),
    CALL(gettimeofday, O(16), V(0)),
    CALL(gettimeofday, V(0), O(8)),
    CALL(getrlimit, V(3), O(16)),
    CALL(setrlimit, V(3), I(16)),
    CALL(getrusage, V(0), O(144)),
    CALL(sysinfo, O(112)),
    CALL(times, O(32)),
    CALL(getresuid, O(4), V(buffer), V(buffer)),
    CALL(getresuid, V(buffer), O(4), V(buffer)),
    CALL(getresuid, V(buffer), V(buffer), O(4)),
    CALL(getresgid, O(4), V(buffer), V(buffer)),
    CALL(capget, O(8), V(buffer)),
    CALL(rt_sigpending, O(8), V(8)),
    CALL(rt_sigtimedwait, I(8), V(0), V(buffer), V(8)),
    CALL(rt_sigqueueinfo, V(0x7ffffff), V(SIGUSR1), I(128)),
    CALL(rt_sigsuspend, I(8), V(8)),
    CALL(sigaltstack, I(24), V(0)),
    CALL(sigaltstack, V(0), O(24)),
    CALL(utime, I(2), V(0)),
    CALL_WITHOUT(NO_NULL, utime, V(path), I(16)),
    CALL(mknod, I(2), V(0100600), V(0)),
    CALL(statfs, I(2), V(buffer)),
    CALL(statfs, V("/"), O(120)),
    CALL(fstatfs, V(FILE_RW), O(120)),
    CALL(sched_getparam, V(0), O(4)),
    CALL(sched_setscheduler, V(0), V(0), I(4)),
    CALL(sched_rr_get_interval, V(0), O(16)),
    CALL(prctl, V(15), I(16)),
    CALL(prctl, V(16), O(16)),
    CALL(arch_prctl, V(0x1003), O(8)),
    CALL(setxattr, I(2), V("user.x"), V(buffer), V(1), V(0)),
    CALL(setxattr, V(path), I(7), V(buffer), V(1), V(0)),
    CALL(getxattr, I(2), V("user.x"), V(buffer), V(64)),
    CALL(getxattr, V(path), I(7), V(buffer), V(64)),
    CALL(listxattr, I(2), V(buffer), V(64)),
    CALL(removexattr, I(2), V("user.x")),
    CALL(futex, I(4), V(FUTEX_WAIT), V(1), V(0), V(0), V(0)),
    CALL(futex, I(4), V(FUTEX_CMP_REQUEUE), V(1), V(1), V(buffer), V(0)),
    CALL_WITHOUT(NO_NULL, futex, V(buffer), V(FUTEX_WAIT), V(0), I(16), V(0), V(0)),
    CALL(sched_setaffinity, V(0), V(8), I(8)),
    CALL(sched_getaffinity, V(0), V(128), O(128)),
    CALL(epoll_ctl, V(EPOLL), V(1), V(PIPE_READ), I(12)),
    CALL(epoll_wait, V(EPOLL), O(12), V(1), V(0)),
    CALL(getdents64, V(DIRECTORY), O(1024), V(1024)),
    CALL(clock_gettime, V(0), O(16)),
    CALL(clock_gettime, V(2), O(16)),
    CALL_WITHOUT(NO_NULL, clock_getres, V(0), O(16)),
    CALL(clock_nanosleep, V(0), V(0), I(16), V(0)),
    CALL(utimes, I(2), V(0)),
    CALL_WITHOUT(NO_NULL, utimes, V(path), I(32)),
    CALL(timer_create, V(0), V(0), O(4)),
    CALL(openat, V(AT_FDCWD), I(2), V(O_RDONLY), V(0)),
    CALL(mkdirat, V(AT_FDCWD), I(2), V(0700)),
    CALL(mknodat, V(AT_FDCWD), I(2), V(0100600), V(0)),
    CALL(fchownat, V(AT_FDCWD), I(2), V(-1), V(-1), V(0)),
    CALL_WITHOUT(NO_NULL, futimesat, V(AT_FDCWD), I(2), V(0)),
    CALL(newfstatat, V(AT_FDCWD), I(2), V(buffer), V(0)),
    CALL(newfstatat, V(AT_FDCWD), V(path), O(144), V(0)),
    CALL(unlinkat, V(AT_FDCWD), I(2), V(0)),
    CALL(renameat, V(AT_FDCWD), I(2), V(AT_FDCWD), V("x")),
    CALL(renameat, V(AT_FDCWD), V(path), V(AT_FDCWD), I(2)),
    CALL(linkat, V(AT_FDCWD), I(2), V(AT_FDCWD), V("x"), V(0)),
    CALL(linkat, V(AT_FDCWD), V(path), V(AT_FDCWD), I(2), V(0)),
    CALL(symlinkat, I(2), V(AT_FDCWD), V("x")),
    CALL(symlinkat, V(path), V(AT_FDCWD), I(2)),
    CALL(readlinkat, V(AT_FDCWD), I(2), V(buffer), V(64)),
    CALL(readlinkat, V(AT_FDCWD), V("link"), O(64), V(64)),
    CALL(fchmodat, V(AT_FDCWD), I(2), V(0600)),
    CALL(faccessat, V(AT_FDCWD), I(2), V(0)),
    CALL(faccessat2, V(AT_FDCWD), I(2), V(0), V(0)),
    CALL(pselect6, V(1), O(8), V(0), V(0), V(no_time), V(0)),
    CALL(ppoll, I(8), V(1), V(0), V(0), V(8)),
    CALL(get_robust_list, V(0), O(8), V(buffer)),
    CALL(get_robust_list, V(0), V(buffer), O(8)),
    CALL(utimensat, V(AT_FDCWD), V(path), I(32), V(0), V(0), V(0)),
    CALL(pipe2, O(8), V(0)),
    CALL(preadv, V(FILE_RW), I(16), V(1), V(0), V(0)),
    CALL(pwritev, V(FILE_RW), I(16), V(1), V(0), V(0)),
    CALL(preadv2, V(FILE_RW), I(16), V(1), V(0), V(0), V(0)),
    CALL(pwritev2, V(FILE_RW), I(16), V(1), V(0), V(0), V(0)),
    CALL_WITHOUT(NO_NULL, prlimit64, V(0), V(3), V(0), O(16)),
    CALL_WITHOUT(NO_NULL, prlimit64, V(0), V(3), I(16), V(0)),
    CALL_WITHOUT(NO_NULL, getcpu, O(4), V(0), V(0)),
    CALL_WITHOUT(NO_NULL, getcpu, V(0), O(4), V(0)),
    CALL(sched_setattr, V(0), I(48), V(0)),
    CALL(sched_getattr, V(0), O(48), V(48), V(0)),
    CALL(renameat2, V(AT_FDCWD), I(2), V(AT_FDCWD), V("x"), V(0)),
    CALL(renameat2, V(AT_FDCWD), V(path), V(AT_FDCWD), I(2), V(0)),
    CALL(getrandom, O(64), V(64), V(0)),
    CALL(memfd_create, I(2), V(0)),
    CALL_WITHOUT(NO_NULL, copy_file_range, V(FILE_RW), I(8), V(FILE_RW), V(0), V(0), V(0)),
    CALL(statx, V(AT_FDCWD), I(2), V(0), V(0x7ff), V(buffer)),
    CALL(statx, V(AT_FDCWD), V(path), V(0), V(0x7ff), O(256)),
    CALL(clone3, I(88), V(88)),
    CALL(openat2, V(AT_FDCWD), V(path), I(24), V(24)),
    CALL(openat2, V(AT_FDCWD), I(2), V(no_time), V(24)),
    CALL_WITHOUT(NO_NULL, mount, V("x"), I(2), V("tmpfs"), V(0x100), V(0)),
    CALL(sethostname, I(8), V(8)),
    CALL(execve, I(2), V(0), V(0)),
    CALL(execveat, V(AT_FDCWD), I(2), V(0), V(0), V(0)),
    CALL(ioctl, V(PIPE_READ), V(0x541b), O(4)),
    CALL(socketpair, V(AF_UNIX), V(SOCK_STREAM), V(0), O(8)),
    CALL(bind, V(SOCKET), I(16), V(16)),
    CALL(connect, V(SOCKET), I(16), V(16)),
    CALL(getsockname, V(SOCKET), O(16), V(buffer)),
    CALL(getsockname, V(SOCKET), V(buffer), O(4)),
    CALL(getsockopt, V(SOCKET), V(1), V(3), O(4), V(&four)),
    CALL(getsockopt, V(SOCKET), V(1), V(3), V(buffer), O(4)),
    CALL(setsockopt, V(SOCKET), V(1), V(2), I(4), V(4)),
    CALL(sendmsg, V(SOCKET), I(56), V(0)),
    CALL(recvmsg, V(SOCKET), O(56), V(MSG_DONTWAIT)),
};

static char *readable, *before_hole;

static long place(enum kind kind, const struct argument *argument)
{
    switch (kind) {
    case NULL_POINTER:
        return 0;
    case UNMAPPED:
        return 0x10000;
    case KERNEL_HALF:
        return (long)0xffff888000000000;
    case NON_CANONICAL:
        return 0x0000800000000000;
    case LAST_BYTES:
        return -1;
    case STRADDLING:
        /* All but the last byte, or for a string of one letter its end, lies in a mapped page. */
        return (long)before_hole - argument->value + 1;
    default:
        return (long)readable;
    }
}

static void drain(void)
{
    char byte;
    while (read(PIPE_READ, &byte, 1) > 0)
        ;
}

static void walk(const struct call *call)
{
    for (int pointer = 0; pointer < 6; pointer++) {
        const struct argument *argument = &call->arguments[pointer];
        if (argument->type == VALUE)
            continue;
        for (enum kind kind = 0; kind < KINDS; kind++) {
            if (call->without >> kind & 1 || (kind == READ_ONLY && argument->type == IN))
                continue;
            if (kind == STRADDLING && argument->value < 2)
                continue;
            long words[6];
            for (int i = 0; i < 6; i++)
                words[i] = call->arguments[i].value;
            words[pointer] = place(kind, argument);
            memset(before_hole - 4096, 'x', 4096);
            CHECK(lseek(FILE_RW, 0, SEEK_SET) == 0 && lseek(DIRECTORY, 0, SEEK_SET) == 0);
            long result = syscall(call->number, words[0], words[1], words[2], words[3], words[4], words[5]);
            const char *outcome = result == -1 ? error_name(errno) : result == 0 ? "fine" : "some";
            printf("%s argument %d %s: %s\n", call->name, pointer + 1, kind_names[kind], outcome);
            drain();
        }
    }
}

int main(void)
{
    char *pages = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED && munmap(pages + 4096, 4096) == 0);
    before_hole = pages + 4096;
    readable = pages + 8192;
    CHECK(mprotect(readable, 4096, PROT_READ) == 0);

    int file = open(path, O_RDWR | O_CREAT, 0600), ends[2];
    for (int i = 0; i < 16; i++)
        CHECK(write(file, buffer, sizeof buffer) == sizeof buffer);
    CHECK(dup2(file, FILE_RW) == FILE_RW && close(file) == 0);
    CHECK(dup2(open(".", O_RDONLY), DIRECTORY) == DIRECTORY);
    CHECK(symlink(path, "link") == 0);
    CHECK(pipe2(ends, O_NONBLOCK) == 0 && dup2(ends[0], PIPE_READ) == PIPE_READ && dup2(ends[1], PIPE_WRITE) == PIPE_WRITE);
    int other = syscall(SYS_socket, AF_UNIX, SOCK_DGRAM, 0);
    if (other >= 0)
        dup2(other, SOCKET);
    other = syscall(SYS_epoll_create1, 0);
    if (other >= 0)
        dup2(other, EPOLL);
    /* Whatever a call creates goes beyond these. */
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        walk(&calls[i]);
    puts("still alive");
    return 0;
}
