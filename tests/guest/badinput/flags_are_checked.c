// Undefined flags and values that name nothing: the errno of each call that has some.
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include "check.h"

/* Bits that no call defines. */
#define UNDEFINED 0x40000000L

static char page[8192] __attribute__((aligned(4096)));
static long zeros[32];

#define RAW(name, ...) SHOW(syscall(SYS_##name, ##__VA_ARGS__))

int main(void)
{
    int file = open("file", O_RDWR | O_CREAT, 0600), ends[2];
    CHECK(file == 3 && pipe(ends) == 0);
    struct stat status;

    RAW(mprotect, page, 4096L, UNDEFINED);
    RAW(mmap, 0L, 4096L, 1L, MAP_ANONYMOUS, -1L, 0L);
    RAW(mmap, 0L, 4096L, 1L, MAP_SHARED_VALIDATE | MAP_ANONYMOUS | UNDEFINED, -1L, 0L);
    RAW(mremap, page, 4096L, 4096L, UNDEFINED, 0L);
    RAW(madvise, page, 4096L, UNDEFINED);
    RAW(msync, page, 4096L, UNDEFINED);
    RAW(mlock2, page, 4096L, UNDEFINED);
    RAW(mlockall, UNDEFINED);
    RAW(memfd_create, "x", 0x20L | UNDEFINED);
    RAW(openat2, AT_FDCWD, "file", &(struct open_how){ .flags = O_RDONLY | UNDEFINED }, 24L);
    RAW(openat2, AT_FDCWD, "file", &(struct open_how){ .resolve = UNDEFINED }, 24L);
    RAW(openat2, AT_FDCWD, "file", &(struct open_how){ .mode = 0600 }, 24L);
    RAW(openat2, AT_FDCWD, "file", &(struct open_how){ 0 }, 8L);
    RAW(lseek, file, 0L, UNDEFINED);
    RAW(access, "file", UNDEFINED);
    RAW(faccessat2, AT_FDCWD, "file", 0L, UNDEFINED);
    RAW(newfstatat, AT_FDCWD, "file", &status, UNDEFINED);
    RAW(statx, AT_FDCWD, "file", UNDEFINED, 0L, page);
    RAW(unlinkat, AT_FDCWD, "file", UNDEFINED);
    RAW(linkat, AT_FDCWD, "file", AT_FDCWD, "x", UNDEFINED);
    RAW(renameat2, AT_FDCWD, "file", AT_FDCWD, "x", UNDEFINED);
    RAW(fchownat, AT_FDCWD, "file", -1L, -1L, UNDEFINED);
    RAW(utimensat, AT_FDCWD, "file", zeros, UNDEFINED);
    RAW(pipe2, ends, UNDEFINED);
    RAW(dup3, file, 50L, UNDEFINED);
    RAW(close_range, 50L, 60L, UNDEFINED);
    RAW(fcntl, file, UNDEFINED, 0L);
    RAW(fcntl, file, F_SETFD, UNDEFINED);
    RAW(fallocate, file, UNDEFINED, 0L, 1L);
    RAW(preadv2, file, zeros, 0L, 0L, 0L, UNDEFINED);
    RAW(pwritev2, file, zeros, 0L, 0L, 0L, UNDEFINED);
    RAW(copy_file_range, file, 0L, file, 0L, 0L, UNDEFINED);
    RAW(sync_file_range, file, 0L, 0L, UNDEFINED);
    RAW(fadvise64, file, 0L, 0L, UNDEFINED);
    RAW(flock, file, UNDEFINED);
    RAW(ioctl, file, UNDEFINED, 0L);
    RAW(getrandom, page, 1L, UNDEFINED);
    RAW(rt_sigprocmask, UNDEFINED, zeros, 0L, 8L);
    RAW(rt_sigprocmask, 0L, 0L, 0L, 128L);
    RAW(rt_sigaction, UNDEFINED, 0L, 0L, 8L);
    RAW(rt_sigaction, SIGUSR1, 0L, 0L, 128L);
    RAW(rt_sigpending, page, 128L);
    RAW(rt_sigsuspend, zeros, 128L);
    RAW(rt_sigtimedwait, zeros, 0L, zeros, 128L);
    RAW(kill, (long)getpid(), UNDEFINED);
    RAW(tkill, (long)gettid(), UNDEFINED);
    RAW(tkill, 0L, 0L);
    RAW(tgkill, (long)getpid(), (long)gettid(), UNDEFINED);
    RAW(futex, zeros, 0x7fL, 0L, 0L, 0L, 0L);
    RAW(futex, zeros, FUTEX_WAKE | UNDEFINED, 0L, 0L, 0L, 0L);
    RAW(sched_setscheduler, 0L, 77L, zeros);
    RAW(sched_get_priority_max, UNDEFINED);
    RAW(sched_get_priority_min, UNDEFINED);
    RAW(getpriority, UNDEFINED, 0L);
    RAW(setpriority, UNDEFINED, 0L, 0L);
    RAW(getitimer, UNDEFINED, page);
    RAW(setitimer, UNDEFINED, zeros, 0L);
    RAW(clock_gettime, UNDEFINED, page);
    RAW(clock_nanosleep, UNDEFINED, 0L, zeros, 0L);
    RAW(clock_nanosleep, CLOCK_MONOTONIC, 0L, &(long[]){ 0, 1000000000 }, 0L);
    RAW(getrusage, UNDEFINED, page);
    RAW(getrlimit, UNDEFINED, page);
    RAW(prlimit64, 0L, UNDEFINED, 0L, page);
    RAW(prctl, UNDEFINED, 0L, 0L, 0L, 0L);
    RAW(arch_prctl, UNDEFINED, 0L);
    RAW(membarrier, UNDEFINED, 0L, 0L);
    RAW(poll, zeros, 100000000L, 0L);
    RAW(ppoll, zeros, 0L, &(long[]){ -1, 0 }, 0L, 8L);
    RAW(select, -1L, 0L, 0L, 0L, zeros);
    RAW(select, 0L, 0L, 0L, 0L, &(long[]){ -1, 0 });
    RAW(pselect6, 0L, 0L, 0L, 0L, &(long[]){ 0, 1000000000 }, 0L);
    RAW(umask, 022L);
    RAW(getgroups, -1L, page);
    RAW(sethostname, page, -1L);
    RAW(epoll_create1, UNDEFINED);
    RAW(epoll_create, 0L);
    RAW(eventfd2, 0L, UNDEFINED);
    RAW(timerfd_create, 0L, UNDEFINED);
    RAW(timerfd_create, UNDEFINED, 0L);
    RAW(signalfd4, -1L, zeros, 8L, UNDEFINED);
    RAW(inotify_init1, UNDEFINED);
    RAW(socket, UNDEFINED, 1L, 0L);
    RAW(socket, 1L, UNDEFINED, 0L);
    RAW(wait4, -1L, 0L, 0x100L, 0L);
    RAW(waitid, UNDEFINED, 0L, 0L, 0L, 0L);
    RAW(set_robust_list, zeros, 1L);
    RAW(rseq, zeros, 32L, UNDEFINED, 0L);
    RAW(close_range, 100L, 50L, 0L);
    RAW(truncate, "file", -1L);
    RAW(pread64, file, page, 1L, -1L);
    RAW(read, file, page, -1L);
    RAW(write, file, page, -1L);
    RAW(readv, file, page, -1L);
    return 0;
}
