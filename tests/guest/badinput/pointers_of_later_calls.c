// As pointers_are_checked: the calls about groups, time, waiting, signals, events and other processes.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include "lib/pointers.h"

enum { TIMER_FILE = 27, PIDFD = 28 };

static const struct call calls[] = {
    CALL(getgroups, V(32), O(4)),
    CALL(setgroups, V(2), I(8)),
    CALL(getresgid, V(buffer), O(4), V(buffer)),
    CALL(getresgid, V(buffer), V(buffer), O(4)),
    CALL(capset, I(8), V(buffer)),
    CALL(sched_setparam, V(0), I(4)),
    CALL(chroot, I(2)),
    CALL(setdomainname, I(8), V(8)),
    CALL_WITHOUT(NO_NULL, settimeofday, I(16), V(0)),
    CALL(clock_settime, V(0), I(16)),
    CALL_WITHOUT(NO_NULL, time, O(8)),
    CALL(timer_gettime, V(0), O(32)),
    CALL(timer_settime, V(0), V(0), I(32), V(0)),
    CALL_WITHOUT(NO_NULL, timer_settime, V(0), V(0), V(no_time), O(32)),
    CALL(lsetxattr, I(2), V("user.x"), V(buffer), V(1), V(0)),
    CALL(lsetxattr, V(path), I(7), V(buffer), V(1), V(0)),
    CALL(fsetxattr, V(FILE_RW), I(7), V(buffer), V(1), V(0)),
    CALL(lgetxattr, I(2), V("user.x"), V(buffer), V(64)),
    CALL(lgetxattr, V(path), I(7), V(buffer), V(64)),
    CALL(fgetxattr, V(FILE_RW), I(7), V(buffer), V(64)),
    CALL(llistxattr, I(2), V(buffer), V(64)),
    CALL(lremovexattr, I(2), V("user.x")),
    CALL(fremovexattr, V(FILE_RW), I(7)),
    CALL(wait4, V(-1), O(4), V(WNOHANG), V(0)),
    CALL(waitid, V(P_ALL), V(0), O(128), V(WNOHANG | WEXITED), V(0)),
    CALL(rt_tgsigqueueinfo, V(0x7ffffff), V(0x7ffffff), V(SIGUSR1), I(128)),
    CALL_WITHOUT(NO_NULL, pidfd_send_signal, V(PIDFD), V(0), I(128), V(0)),
    CALL(signalfd, V(-1), I(8), V(8)),
    CALL(signalfd4, V(-1), I(8), V(8), V(0)),
    CALL(timerfd_settime, V(TIMER_FILE), V(0), I(32), V(0)),
    CALL_WITHOUT(NO_NULL, timerfd_settime, V(TIMER_FILE), V(0), V(no_time), O(32)),
    CALL(timerfd_gettime, V(TIMER_FILE), O(32)),
    CALL(epoll_pwait, V(EPOLL), O(12), V(1), V(0), V(0), V(8)),
    CALL_WITHOUT(NO_NULL, epoll_pwait, V(EPOLL), V(buffer), V(1), V(0), I(8), V(8)),
    CALL(epoll_pwait2, V(EPOLL), O(12), V(1), V(no_time), V(0), V(8)),
    CALL_WITHOUT(NO_NULL, epoll_pwait2, V(EPOLL), V(buffer), V(1), I(16), V(0), V(8)),
    CALL_WITHOUT(NO_NULL, epoll_pwait2, V(EPOLL), V(buffer), V(1), V(no_time), I(8), V(8)),
    CALL_WITHOUT(NO_NULL, ppoll, V(buffer), V(0), I(16), V(0), V(8)),
    CALL_WITHOUT(NO_NULL, ppoll, V(buffer), V(0), V(no_time), I(8), V(8)),
    CALL_WITHOUT(NO_NULL, pselect6, V(0), V(0), V(0), V(0), I(16), V(0)),
    CALL_WITHOUT(NO_NULL, pselect6, V(0), V(0), V(0), V(0), V(no_time), I(16)),
    CALL_WITHOUT(NO_NULL, select, V(0), V(0), V(0), V(0), I(16)),
    CALL_WITHOUT(NO_NULL, splice, V(FILE_RW), I(8), V(PIPE_WRITE), V(0), V(1), V(0)),
    CALL(vmsplice, V(PIPE_WRITE), I(16), V(1), V(0)),
    CALL(process_vm_readv, V(0x7ffffff), I(16), V(1), V(buffer), V(1), V(0)),
    CALL(process_vm_writev, V(0x7ffffff), V(buffer), V(1), I(16), V(1), V(0)),
    CALL(process_madvise, V(PIDFD), I(16), V(1), V(4), V(0)),
    CALL_WITHOUT(NO_NULL, execve, V("/bin/true"), I(8), V(0)),
    CALL(execve, V("/missing"), V(0), I(8)),
    CALL(setitimer, V(0), I(32), V(0)),
    CALL(set_robust_list, I(24), V(23)),
};

int main(void)
{
    prepare();
    CHECK(dup2(epoll_create1(0), EPOLL) == EPOLL);
    CHECK(dup2(timerfd_create(CLOCK_MONOTONIC, 0), TIMER_FILE) == TIMER_FILE);
    CHECK(dup2(syscall(SYS_pidfd_open, getpid(), 0), PIDFD) == PIDFD);
    timer_t timer;
    struct sigevent nothing = { .sigev_notify = SIGEV_NONE };
    CHECK(timer_create(CLOCK_MONOTONIC, &nothing, &timer) == 0);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        walk(&calls[i]);
    puts("still alive");
    return 0;
}
