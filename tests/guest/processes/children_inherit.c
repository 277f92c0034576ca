// What a child has of its parent: nice, affinity, umask, directory, limits, ids, mask, name; and what it doesn't.
#include <sys/prctl.h>
#include <sys/time.h>
#include <grp.h>
#include "process.h"

static int report(char **args)
{
    (void)args;
    char directory[4096];
    CHECK(getcwd(directory, sizeof directory));
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    cpu_set_t set;
    CHECK(sched_getaffinity(0, sizeof set, &set) == 0);
    sigset_t mask, pending;
    CHECK(sigprocmask(SIG_SETMASK, 0, &mask) == 0 && sigpending(&pending) == 0);
    struct itimerval timer;
    CHECK(getitimer(ITIMER_REAL, &timer) == 0);
    gid_t groups[8];
    int count = getgroups(8, groups);
    uid_t real, effective, saved;
    CHECK(getresuid(&real, &effective, &saved) == 0);
    printf("nice %d, policy %d, processors %d, directory %s, umask %o, descriptors %ld/%ld\n", getpriority(PRIO_PROCESS, 0),
           sched_getscheduler(0), CPU_COUNT(&set), strrchr(directory, '/'), umask(022), (long)limit.rlim_cur, (long)limit.rlim_max);
    printf("USR1 blocked %d, pending %d; alarm %d; groups %d: %d %d; ids %d %d %d, %d %d\n", sigismember(&mask, SIGUSR1),
           sigismember(&pending, SIGUSR1), timer.it_value.tv_sec != 0, count, count > 0 ? (int)groups[0] : -1,
           count > 1 ? (int)groups[1] : -1, real, effective, saved, getgid(), getegid());
    printf("no new privileges %d, death signal %d, timer slack %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), ({
               int signal = -1;
               prctl(PR_GET_PDEATHSIG, &signal);
               signal;
           }),
           prctl(PR_GET_TIMERSLACK));
    return 0;
}

static int parent(char **args)
{
    (void)args;
    CHECK(mkdir("below", 0777) == 0 && chdir("below") == 0);
    umask(027);
    struct rlimit limit = { 123, 234 };
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0 && setpriority(PRIO_PROCESS, 0, 5) == 0);
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(sched_getcpu(), &set);
    CHECK(sched_setaffinity(0, sizeof set, &set) == 0);
    change_mask(SIG_BLOCK, SIGUSR1);
    CHECK(raise(SIGUSR1) == 0);
    struct itimerval timer = { { 0, 0 }, { 1000, 0 } };
    CHECK(setitimer(ITIMER_REAL, &timer, 0) == 0);
    CHECK(prctl(PR_SET_PDEATHSIG, SIGUSR2) == 0 && prctl(PR_SET_TIMERSLACK, 77777) == 0);
    if (geteuid() == 0) {
        gid_t groups[2] = { 1001, 1002 };
        CHECK(setgroups(2, groups) == 0 && setresgid(2001, 2002, 2003) == 0);
    }
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    puts("parent:");
    report(0);
    umask(027);
    puts("child:");
    show_end("child", SPAWN("report"));
    struct sched_param parameters = { 0 };
    CHECK(sched_setscheduler(0, SCHED_BATCH, &parameters) == 0);
    show_end("batch", SPAWN("report"));
    CHECK(sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &parameters) == 0);
    show_end("reset", SPAWN("report"));
    errno = 0;
    printf("the parent's nice %d\n", getpriority(PRIO_PROCESS, 0));
    return 0;
}

/* Priorities of others: by process, group and user. */
static int be_idle(char **args)
{
    CHECK(setpgid(0, 0) == 0);
    tell(atoi(args[0]));
    await(atoi(args[1]));
    return 0;
}

static int test(void)
{
    show_end("parent", SPAWN("parent"));
    int ready[2], gate[2];
    CHECK(pipe(ready) == 0 && pipe(gate) == 0);
    pid_t pid = SPAWN("idle", text_of(ready[1]), text_of(gate[0]));
    await(ready[0]);
    SHOW(setpriority(PRIO_PROCESS, pid, 7));
    SHOW_VALUE(getpriority(PRIO_PROCESS, pid));
    SHOW(setpriority(PRIO_PGRP, pid, 9));
    SHOW_VALUE(getpriority(PRIO_PROCESS, pid));
    SHOW_VALUE(getpriority(PRIO_PGRP, pid));
    SHOW_VALUE(getpriority(PRIO_PROCESS, 0));
    SHOW(getpriority(PRIO_PGRP, 0x3fffffff));
    SHOW(getpriority(PRIO_PROCESS, 0x3fffffff));
    SHOW(setpriority(PRIO_PROCESS, 0x3fffffff, 1));
    SHOW(getpriority(5, 0));
    cpu_set_t set;
    SHOW(sched_getaffinity(pid, sizeof set, &set));
    SHOW(sched_getaffinity(0x3fffffff, sizeof set, &set));
    struct rlimit limit = { 50, 60 }, old;
    SHOW(prlimit(pid, RLIMIT_NOFILE, &limit, 0));
    SHOW(prlimit(pid, RLIMIT_NOFILE, 0, &old));
    printf("limit of the child %ld, %ld\n", (long)old.rlim_cur, (long)old.rlim_max);
    SHOW(prlimit(0x3fffffff, RLIMIT_NOFILE, 0, &old));
    tell(gate[1]);
    show_end("idle", pid);
    return 0;
}

PROGRAM(test, { "parent", parent }, { "report", report }, { "idle", be_idle })
