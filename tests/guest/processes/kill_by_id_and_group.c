// kill of a process, a group, one's own group, everybody; who may; signal 0; zombies.
// build: -O0
#include "process.h"

enum { USER = 54321, OTHER = 54322 };
static volatile int got;

static void handler(int signal)
{
    (void)signal;
    got = 1;
}

static int be_idle(char **args)
{
    if (args[1])
        CHECK(setpgid(0, atoi(args[1])) == 0);
    tell(atoi(args[0]));
    for (;;)
        pause_ms(1000000);
    return 0;
}

static int ready[2];

static pid_t idle(const char *group)
{
    pid_t pid = SPAWN("idle", text_of(ready[1]), (char *)group);
    await(ready[0]);
    return pid;
}

/* Becomes USER for good, as far as signals are concerned. */
static int as_user(char **args)
{
    pid_t root = atoi(args[0]);
    CHECK(setresgid(USER, USER, USER) == 0 && setresuid(USER, USER, USER) == 0);
    SHOW(kill(root, SIGTERM));
    SHOW(kill(root, 0));
    SHOW(kill(1, 0) == 0 || errno == EPERM ? 0 : -1);
    SHOW(kill(getpid(), 0));
    CHECK(pipe(ready) == 0);
    pid_t mine = idle(0);
    SHOW(kill(mine, SIGTERM));
    show_end("own child", mine);

    /* A group with members of both users: enough that one may be reached. */
    pid_t group = atoi(args[1]);
    SHOW(kill(-group, 0));
    SHOW(kill(-group, SIGUSR1));
    return 0;
}

/* kill(-1) as a user that nobody else is. */
static int everybody(char **args)
{
    (void)args;
    CHECK(pipe(ready) == 0);
    CHECK(setresgid(OTHER, OTHER, OTHER) == 0 && setresuid(OTHER, OTHER, OTHER) == 0);
    CHECK(getuid() == OTHER && geteuid() == OTHER);
    SHOW(kill(-1, 0));
    pid_t children[3];
    for (int i = 0; i < 3; i++)
        children[i] = idle(i == 1 ? "0" : 0);
    SHOW(kill(-1, 0));
    set_handler(SIGTERM, handler, 0);
    SHOW(kill(-1, SIGTERM));
    printf("itself: %d\n", got);
    for (int i = 0; i < 3; i++)
        show_end("each", children[i]);
    SHOW(kill(-1, SIGTERM));
    return 0;
}

/* Its own group, itself too. */
static int own_group(char **args)
{
    (void)args;
    CHECK(setpgid(0, 0) == 0 && pipe(ready) == 0);
    pid_t first = idle(0), second = idle("0");
    set_handler(SIGUSR1, handler, 0);
    SHOW(kill(0, SIGUSR1));
    printf("itself: %d\n", got);
    show_end("in the group", first);
    SHOW(kill(second, 0));
    CHECK(kill(second, SIGKILL) == 0);
    show_end("outside", second);
    got = 0;
    SHOW(kill(-getpgrp(), SIGUSR1));
    printf("itself: %d\n", got);
    return 0;
}

static int real_and_saved(char **args)
{
    /* The sender's real or effective id must be the target's real or saved one. */
    pid_t target = atoi(args[0]);
    CHECK(setresuid(atoi(args[1]), atoi(args[2]), -1) == 0);
    int result = kill(target, 0);
    printf("real %s, effective %s: %s\n", args[1], args[2], result == 0 ? "OK" : error_name(errno));
    return 0;
}

static int target(char **args)
{
    CHECK(setresuid(USER, OTHER, 54323) == 0);
    tell(atoi(args[0]));
    pause_ms(1000000);
    return 0;
}

static int test(void)
{
    CHECK(pipe(ready) == 0);
    pid_t pid = idle(0);
    SHOW(kill(pid, 0));
    SHOW(kill(pid, 65));
    SHOW(kill(pid, -1));
    SHOW(kill(0x3fffffff, SIGTERM));
    SHOW(kill(-0x3fffffff, SIGTERM));
    SHOW(kill((pid_t)0x80000000, SIGTERM));
    SHOW(kill(pid, SIGKILL));
    await_state(pid, 'Z');
    SHOW(kill(pid, SIGTERM));
    SHOW(kill(pid, 0));
    show_end("killed", pid);
    SHOW(kill(pid, 0));

    pid_t first = idle("0"), second = idle(text_of(first)), third = idle(0);
    SHOW(kill(-first, SIGTERM));
    show_end("first", first);
    show_end("second", second);
    SHOW(kill(-first, SIGTERM));
    SHOW(kill(third, 0));
    CHECK(kill(third, SIGKILL) == 0);
    show_end("third", third);

    show_end("own group", SPAWN("own-group"));
    if (geteuid() == 0) {
        first = idle("0");
        pid = idle(text_of(first));
        show_end("as user", SPAWN("user", text_of(pid), text_of(first)));
        CHECK(kill(-first, SIGKILL) == 0);
        show_end("first", first);
        show_end("second", pid);
        /* Somebody must be there whom it may not signal: then nobody else isn't ESRCH. */
        pid = idle(0);
        show_end("everybody", SPAWN("everybody"));
        CHECK(kill(pid, SIGKILL) == 0);
        show_end("untouched", pid);
        pid = SPAWN("target", text_of(ready[1]));
        await(ready[0]);
        show_end("", SPAWN("real-and-saved", text_of(pid), text_of(USER), "60000"));
        show_end("", SPAWN("real-and-saved", text_of(pid), "60000", text_of(USER)));
        show_end("", SPAWN("real-and-saved", text_of(pid), text_of(OTHER), text_of(OTHER)));
        show_end("", SPAWN("real-and-saved", text_of(pid), text_of(54323), "60000"));
        show_end("", SPAWN("real-and-saved", text_of(pid), "60000", "60000"));
        CHECK(kill(pid, SIGKILL) == 0);
        show_end("target", pid);
    }
    return 0;
}

PROGRAM(test, { "idle", be_idle }, { "user", as_user }, { "everybody", everybody }, { "own-group", own_group },
        { "real-and-saved", real_and_saved }, { "target", target })
