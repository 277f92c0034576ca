// posix_spawn's attributes: process group, session, mask, default signals, ids.
#include "process.h"

static int report(char **args)
{
    sigset_t mask;
    CHECK(sigprocmask(SIG_SETMASK, 0, &mask) == 0);
    struct sigaction action;
    CHECK(sigaction(SIGUSR1, 0, &action) == 0);
    pid_t parent = getppid();
    printf("%s: own group %d, parent's group %d, group of argument %d, own session %d, parent's session %d\n", args[0],
           getpgrp() == getpid(), getpgrp() == getpgid(parent), args[1] && getpgrp() == atoi(args[1]),
           getsid(0) == getpid(), getsid(0) == getsid(parent));
    printf("  USR1 ignored %d, USR2 blocked %d, TERM blocked %d, effective user %d, real %d\n",
           action.sa_handler == SIG_IGN, sigismember(&mask, SIGUSR2), sigismember(&mask, SIGTERM), geteuid(), getuid());
    return 0;
}

static int sleeper(char **args)
{
    await(atoi(args[0]));
    return 6;
}

static void handler(int signal)
{
    (void)signal;
}

static int test(void)
{
    posix_spawnattr_t attributes;
    CHECK(posix_spawnattr_init(&attributes) == 0);
#define REPORT(...) show_end("report", SPAWN_WITH(0, &attributes, "report", __VA_ARGS__))
    REPORT("nothing");

    set_handler(SIGUSR1, handler, 0);
    REPORT("with a handler");
    set_handler(SIGUSR1, SIG_IGN, 0);
    change_mask(SIG_BLOCK, SIGUSR2);
    REPORT("ignored and blocked");

    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF) == 0);
    CHECK(posix_spawnattr_setsigdefault(&attributes, &set) == 0);
    REPORT("set to default");

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    CHECK(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK) == 0);
    CHECK(posix_spawnattr_setsigmask(&attributes, &set) == 0);
    REPORT("mask set");

    CHECK(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP) == 0);
    REPORT("group of its own");

    int gate[2];
    CHECK(pipe(gate) == 0);
    pid_t leader = SPAWN_WITH(0, &attributes, "sleeper", text_of(gate[0]));
    CHECK(posix_spawnattr_setpgroup(&attributes, leader) == 0);
    REPORT("another's group", text_of(leader));
    tell(gate[1]);
    show_end("leader", leader);
    SHOW(SPAWN_WITH(0, &attributes, "report", "a group that is gone"));
    SHOW(waitpid(-1, 0, WNOHANG));

    CHECK(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID) == 0);
    REPORT("session of its own");

    CHECK(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_RESETIDS) == 0);
    if (geteuid() == 0) {
        CHECK(seteuid(12345) == 0);
        REPORT("ids reset");
        CHECK(posix_spawnattr_setflags(&attributes, 0) == 0);
        REPORT("ids kept");
        CHECK(seteuid(0) == 0);
    }
    return 0;
}

PROGRAM(test, { "report", report }, { "sleeper", sleeper })
