// setpgid, getpgid, setsid, getsid: what is allowed and what isn't.
#include "process.h"

static int child(char **args)
{
    if (args[2])
        CHECK(setsid() == getpid());
    tell(atoi(args[0]));
    await(atoi(args[1]));
    return 0;
}

static int ready[2], gate[2], second_gate[2];

static int before_exec(void *argument)
{
    int *own_gate = argument;
    tell(ready[1]);
    await(own_gate[0]);
    char *arguments[] = { "self", "child", text_of(ready[1]), text_of(own_gate[0]), 0 };
    execv("/proc/self/exe", arguments);
    return 1;
}

static int leader(char **args)
{
    (void)args;
    CHECK(pipe(ready) == 0 && pipe(gate) == 0 && pipe(second_gate) == 0);
    printf("spawned: in the parent's group %d, in its session %d\n", getpgrp() == getpgid(getppid()),
           getsid(0) == getsid(getppid()));
    pid_t session = setsid();
    printf("setsid: %d, group %d, session %d\n", session == getpid(), getpgrp() == session, getsid(0) == session);
    SHOW(setsid());
    SHOW(setpgid(0, 0));
    SHOW(setpgid(0, getpid()));
    SHOW(setpgid(getppid(), 0));
    SHOW(setpgid(0, -1));
    SHOW(setpgid(-1, 0));
    SHOW(setpgid(0x3fffffff, 0));
    SHOW(setpgid(0, 0x3fffffff));
    SHOW(getpgid(-1));
    SHOW(getpgid(0x3fffffff));
    SHOW(getsid(-1));
    SHOW(getsid(0x3fffffff));
    printf("getpgid: %d %d; getsid: %d %d\n", getpgid(0) == getpid(), getpgid(getpid()) == getpid(), getsid(0) == getpid(),
           getsid(getpid()) == getpid());

    /* A child before and after its exec. */
    pid_t pid = start_clone(CLONE_VM | SIGCHLD, before_exec, gate);
    await(ready[0]);
    SHOW(setpgid(pid, 0));
    printf("own group: %d\n", getpgid(pid) == pid);
    SHOW(setpgid(pid, getpgrp()));
    printf("back: %d\n", getpgid(pid) == getpgrp());
    SHOW(setpgid(pid, pid));
    tell(gate[1]);
    await(ready[0]);
    SHOW(setpgid(pid, getpgrp()));
    SHOW(setpgid(pid, pid));
    printf("still: %d, in this session %d\n", getpgid(pid) == pid, getsid(pid) == getpid());

    /* Another joins its group; the group lives on without its leader. */
    pid_t second = start_clone(CLONE_VM | SIGCHLD, before_exec, second_gate);
    await(ready[0]);
    SHOW(setpgid(second, pid));
    tell(gate[1]);
    show_end("group's leader", pid);
    tell(second_gate[1]);
    await(ready[0]);
    printf("group of the second: %d\n", getpgid(second) == pid);
    SHOW(kill(-pid, 0));
    pid_t third = start_clone(CLONE_VM | SIGCHLD, before_exec, second_gate);
    await(ready[0]);
    SHOW(setpgid(third, pid));
    SHOW(kill(-pid, SIGKILL));
    show_end("second", second);
    show_end("third", third);
    SHOW(kill(-pid, 0));

    /* A child in a session of its own. */
    pid_t other = SPAWN("child", text_of(ready[1]), text_of(gate[0]), "session");
    await(ready[0]);
    printf("getsid of another: %d\n", getsid(other) == other);
    SHOW(setpgid(other, 0));
    SHOW(setpgid(0, other));
    pid = start_clone(CLONE_VM | SIGCHLD, before_exec, gate);
    await(ready[0]);
    SHOW(setpgid(pid, other));
    CHECK(kill(pid, SIGKILL) == 0);
    show_end("killed", pid);
    tell(gate[1]);
    show_end("other session", other);

    /* A zombie's group. */
    pid = SPAWN("child", text_of(ready[1]), text_of(gate[0]));
    await(ready[0]);
    tell(gate[1]);
    await_state(pid, 'Z');
    printf("zombie: group %d, session %d\n", getpgid(pid) == getpgrp(), getsid(pid) == getsid(0));
    end_of(pid);
    return 0;
}

/* A leader of a group can't start a session; its children can. */
static int group_leader(char **args)
{
    (void)args;
    CHECK(setpgid(0, 0) == 0);
    SHOW(setsid());
    CHECK(pipe(ready) == 0 && pipe(gate) == 0);
    pid_t pid = SPAWN("child", text_of(ready[1]), text_of(gate[0]), "session");
    await(ready[0]);
    tell(gate[1]);
    show_end("child", pid);
    return 0;
}

static int test(void)
{
    show_end("leader", SPAWN("leader"));
    show_end("group leader", SPAWN("group-leader"));
    return 0;
}

PROGRAM(test, { "child", child }, { "leader", leader }, { "group-leader", group_leader })
