// A process whose parent ended gets the nearest subreaper, or init, as its parent; threads of the parent come first.
#include <pthread.h>
#include <sys/prctl.h>
#include "process.h"

/* Tells who its parent is, before and after. */
static int orphan(char **args)
{
    pid_t before = getppid();
    tell(atoi(args[0]));
    while (getppid() == before)
        pause_ms(1);
    pid_t parent = getppid();
    CHECK(write(atoi(args[1]), &parent, sizeof parent) == sizeof parent);
    await(atoi(args[2]));
    return 55;
}

static int ready[2], report[2], gate[2];

static void make_pipes(void)
{
    CHECK(pipe(ready) == 0 && pipe(report) == 0 && pipe(gate) == 0);
}

static pid_t start_orphan(void)
{
    return SPAWN("orphan", text_of(ready[1]), text_of(report[1]), text_of(gate[0]));
}

static int middle(char **args)
{
    make_pipes();
    /* The pipes' numbers are those of the grandparent. */
    CHECK(dup2(atoi(args[0]), report[1]) >= 0 && dup2(atoi(args[1]), gate[0]) >= 0);
    start_orphan();
    await(ready[0]);
    return 4;
}

static int outer(char **args)
{
    (void)args;
    make_pipes();
    int reaper = -1;
    pid_t parent;

    end_of(SPAWN("middle", text_of(report[1]), text_of(gate[0])));
    CHECK(read(report[0], &parent, sizeof parent) == sizeof parent);
    printf("without a subreaper: this process %d\n", parent == getpid());
    tell(gate[1]);
    printf("waits: %s\n", waitpid(-1, 0, 0) == -1 ? error_name(errno) : "taken");

    SHOW(prctl(PR_SET_CHILD_SUBREAPER, 1));
    CHECK(prctl(PR_GET_CHILD_SUBREAPER, &reaper) == 0);
    printf("subreaper: %d\n", reaper);
    end_of(SPAWN("middle", text_of(report[1]), text_of(gate[0])));
    CHECK(read(report[0], &parent, sizeof parent) == sizeof parent);
    printf("with one: this process %d\n", parent == getpid());
    tell(gate[1]);
    int status;
    CHECK(waitpid(-1, &status, 0) > 0);
    printf("waits: %s\n", status_text(status));
    SHOW(waitpid(-1, 0, 0));

    /* An orphan that has ended already comes to be waited for, and SIGCHLD tells of it. */
    change_mask(SIG_BLOCK, SIGCHLD);
    end_of(SPAWN("zombie"));
    CHECK(waitpid(-1, &status, 0) > 0);
    printf("inherited zombie: %s\n", status_text(status));
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    struct timespec now = { 0, 0 };
    printf("told: %d\n", sigtimedwait(&set, 0, &now) == SIGCHLD);
    change_mask(SIG_UNBLOCK, SIGCHLD);

    SHOW(prctl(PR_SET_CHILD_SUBREAPER, 0));
    end_of(SPAWN("middle", text_of(report[1]), text_of(gate[0])));
    CHECK(read(report[0], &parent, sizeof parent) == sizeof parent);
    printf("no longer: this process %d\n", parent == getpid());
    tell(gate[1]);
    return 0;
}

static int zombie(char **args)
{
    (void)args;
    pid_t pid = SPAWN("quit");
    await_state(pid, 'Z');
    return 0;
}

static int quit(char **args)
{
    (void)args;
    return 66;
}

/* The child of a thread that ends is a child of the process still. */
static pid_t child;

static void *start_in_thread(void *argument)
{
    child = start_orphan();
    await(ready[0]);
    return argument;
}

static int test(void)
{
    show_end("outer", SPAWN("outer"));
    make_pipes();
    pthread_t thread;
    CHECK(pthread_create(&thread, 0, start_in_thread, 0) == 0 && pthread_join(thread, 0) == 0);
    pause_ms(10);
    CHECK(fcntl(report[0], F_SETFL, O_NONBLOCK) == 0);
    pid_t parent;
    SHOW(read(report[0], &parent, sizeof parent));
    CHECK(kill(child, SIGKILL) == 0);
    show_end("a thread's child", child);
    return 0;
}

PROGRAM(test, { "outer", outer }, { "middle", middle }, { "orphan", orphan }, { "zombie", zombie }, { "quit", quit })
