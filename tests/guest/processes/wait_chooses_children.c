// wait4 and waitid: which children they take, by id, group or descriptor, WNOHANG and WNOWAIT.
#include "process.h"

static int quit(char **args)
{
    if (args[1])
        CHECK(setpgid(0, atoi(args[1])) == 0);
    if (args[1] && args[2]) {
        tell(atoi(args[3]));
        await(atoi(args[2]));
    }
    return atoi(args[0]);
}

static pid_t known[8];

static const char *name_of(pid_t pid)
{
    static char text[16];
    for (int i = 0; i < 8; i++)
        if (known[i] == pid && pid > 0) {
            snprintf(text, sizeof text, "child %d", i);
            return text;
        }
    return pid == 0 ? "nobody" : pid == -1 ? error_name(errno) : "a stranger";
}

static void show_wait(const char *what, pid_t which, int options)
{
    int status = 0x7777;
    errno = 0;
    pid_t got = wait4(which, &status, options, 0);
    printf("%s: %s", what, name_of(got));
    printf(", %s\n", status == 0x7777 ? "no status" : status_text(status));
}

static void show_waitid(const char *what, idtype_t type, id_t id, int options)
{
    siginfo_t info;
    memset(&info, 0x55, sizeof info);
    errno = 0;
    int result = waitid(type, id, &info, options);
    if (result != 0) {
        printf("%s: %s, info %s\n", what, error_name(errno), info.si_signo == 0x55555555 ? "untouched" : "written");
        return;
    }
    printf("%s: %s, signal %d, code %d, status %d, errno %d, user %d\n", what, name_of(info.si_pid), info.si_signo,
           info.si_code, info.si_status, info.si_errno, info.si_pid ? (int)info.si_uid : 0);
}

static int test(void)
{
    forbid_core();
    show_wait("no children", -1, 0);
    show_wait("no children, no hang", -1, WNOHANG);
    show_wait("a stranger", 1, WNOHANG);
    show_wait("itself", getpid(), 0);
    show_waitid("no children", P_ALL, 0, WEXITED);

    int gate[2], ready[2];
    CHECK(pipe(gate) == 0 && pipe(ready) == 0);
    /* 0 is in a group of its own, 1 with it, 2 in the parent's. */
    known[0] = SPAWN("quit", "10", "0", text_of(gate[0]), text_of(ready[1]));
    await(ready[0]);
    known[1] = SPAWN("quit", "11", text_of(known[0]), text_of(gate[0]), text_of(ready[1]));
    known[2] = SPAWN("quit", "12", text_of(getpgrp()), text_of(gate[0]), text_of(ready[1]));
    await(ready[0]);
    await(ready[0]);

    show_wait("any, no hang", -1, WNOHANG);
    show_wait("one, no hang", known[1], WNOHANG);
    show_wait("group, no hang", -known[0], WNOHANG);
    show_wait("own group, no hang", 0, WNOHANG);
    show_waitid("any, no hang", P_ALL, 0, WEXITED | WNOHANG);
    show_waitid("a child that lives", P_PID, known[0], WEXITED | WNOHANG | WNOWAIT);
    show_wait("another's group", -known[1], WNOHANG);

    /* All end. */
    for (int i = 0; i < 3; i++)
        tell(gate[1]);
    for (int i = 0; i < 3; i++)
        await_state(known[i], 'Z');
    show_waitid("look at 1", P_PID, known[1], WEXITED | WNOWAIT);
    show_waitid("look at 1 again", P_PID, known[1], WEXITED | WNOWAIT);
    show_waitid("look at own group", P_PGID, 0, WEXITED | WNOWAIT);
    show_waitid("look at own group by id", P_PGID, getpgrp(), WEXITED | WNOWAIT);
    show_waitid("look at the group", P_PGID, known[0], WEXITED | WNOWAIT);
    show_waitid("take 1", P_PID, known[1], WEXITED);
    show_waitid("take 1 again", P_PID, known[1], WEXITED);
    show_wait("take 1 by wait4", known[1], 0);
    show_wait("own group", 0, 0);
    show_wait("own group again", 0, 0);
    show_wait("the group", -known[0], 0);
    show_wait("the group again", -known[0], 0);
    show_wait("any", -1, WNOHANG);

    /* Which one WNOWAIT leaves is taken next. */
    known[3] = SPAWN("quit", "13");
    siginfo_t info;
    CHECK(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) == 0);
    show_wait("left", -1, 0);

    /* A process that was killed. */
    known[4] = SPAWN("quit", "14", "0", text_of(gate[0]), text_of(ready[1]));
    await(ready[0]);
    CHECK(kill(known[4], SIGTERM) == 0);
    show_waitid("killed", P_PID, known[4], WEXITED | WNOWAIT);
    show_wait("killed", known[4], 0);

    /* Through a descriptor. */
    known[5] = SPAWN("quit", "15", "0", text_of(gate[0]), text_of(ready[1]));
    await(ready[0]);
    int pidfd = syscall(SYS_pidfd_open, known[5], 0);
    CHECK(pidfd >= 0);
    show_waitid("descriptor, no hang", P_PIDFD, pidfd, WEXITED | WNOHANG);
    tell(gate[1]);
    show_waitid("descriptor", P_PIDFD, pidfd, WEXITED | WNOWAIT);
    show_waitid("descriptor", P_PIDFD, pidfd, WEXITED);
    show_waitid("descriptor again", P_PIDFD, pidfd, WEXITED);
    show_waitid("descriptor of no process", P_PIDFD, gate[0], WEXITED);
    show_waitid("closed descriptor", P_PIDFD, 1000, WEXITED);
    int own = syscall(SYS_pidfd_open, getpid(), 0);
    show_waitid("its own descriptor", P_PIDFD, own, WEXITED);

    /* Nobody wants to know. */
    pid_t pid = SPAWN("quit", "16");
    SHOW(wait4(pid, 0, 0, 0) == pid ? 0 : -1);
    pid = SPAWN("quit", "17");
    SHOW(waitid(P_PID, pid, 0, WEXITED));
    return 0;
}

PROGRAM(test, { "quit", quit })
