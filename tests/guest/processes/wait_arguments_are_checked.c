// What wait4 and waitid refuse, and that a refused call takes no child.
#include "process.h"

static int quit(char **args)
{
    return atoi(args[0]);
}

static int test(void)
{
    pid_t pid = SPAWN("quit", "5");
    int status;
    siginfo_t info;
    SHOW(waitid(P_ALL, 0, &info, 0));
    SHOW(waitid(P_ALL, 0, &info, WNOHANG));
    SHOW(waitid(P_ALL, 0, &info, WNOWAIT));
    SHOW(waitid(P_ALL, 0, &info, WEXITED | 0x100));
    SHOW(waitid(P_PID, 0, &info, WEXITED));
    SHOW(waitid(P_PID, -1, &info, WEXITED));
    SHOW(waitid(P_PGID, -1, &info, WEXITED));
    SHOW(waitid(P_PIDFD, -1, &info, WEXITED));
    SHOW(waitid(7, 0, &info, WEXITED));
    SHOW(waitid(-1, 0, &info, WEXITED));
    SHOW(waitid(P_PID, 0x3fffffff, &info, WEXITED));
    SHOW(waitid(P_PGID, 0x3fffffff, &info, WEXITED));
    SHOW(wait4(pid, &status, 0x100, 0));
    SHOW(wait4(pid, &status, WEXITED, 0));
    SHOW(wait4(pid, &status, WNOWAIT, 0));
    SHOW(wait4((pid_t)0x80000000, &status, 0, 0));
    SHOW(wait4(0x3fffffff, &status, 0, 0));
    SHOW(wait4(-0x3fffffff, &status, 0, 0));
    await_state(pid, 'Z');
    /* A bad pointer is found after the child was taken. */
    SHOW(syscall(SYS_waitid, P_PID, pid, 8, WEXITED | WNOWAIT, 0));
    SHOW(syscall(SYS_waitid, P_PID, pid, &info, WEXITED | WNOWAIT, 8));
    SHOW(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
    SHOW(syscall(SYS_wait4, pid, 8, 0, 0));
    SHOW(wait4(pid, &status, 0, 0));
    pid = SPAWN("quit", "6");
    SHOW(syscall(SYS_wait4, pid, &status, 0, 8));
    SHOW(wait4(pid, &status, 0, 0));
    return 0;
}

PROGRAM(test, { "quit", quit })
