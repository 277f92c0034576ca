// RLIMIT_NPROC: processes and threads of a user without privileges are counted together; EAGAIN beyond.
#include <pthread.h>
#include "process.h"

enum { USER = 54331, LIMIT = 6 };

static int be_idle(char **args)
{
    await(atoi(args[0]));
    return 0;
}

static void *idle_thread(void *argument)
{
    await(*(int *)argument);
    return 0;
}

static int quit(void *argument)
{
    return (int)(long)argument;
}

static int user(char **args)
{
    (void)args;
    struct rlimit limit = { LIMIT, LIMIT };
    CHECK(setrlimit(RLIMIT_NPROC, &limit) == 0);
    CHECK(setresgid(USER, USER, USER) == 0 && setresuid(USER, USER, USER) == 0);
    int gate[2], count = 0;
    CHECK(pipe(gate) == 0);
    pid_t children[LIMIT];
    while (count < LIMIT && (children[count] = SPAWN_WITH(0, 0, "idle", text_of(gate[0]))) > 0)
        count++;
    printf("children: %d, %s\n", count, error_name(errno));
    SHOW(start_clone(CLONE_VM | CLONE_VFORK | SIGCHLD, quit, 0));
    pthread_t threads[LIMIT];
    printf("thread: %s\n", error_name(pthread_create(&threads[0], 0, idle_thread, &gate[0])));
    tell(gate[1]);
    int status;
    siginfo_t info;
    /* A zombie counts. */
    CHECK(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) == 0);
    SHOW(SPAWN_WITH(0, 0, "idle", text_of(gate[0])));
    CHECK(waitpid(-1, &status, 0) > 0);
    pid_t pid = SPAWN_WITH(0, 0, "idle", text_of(gate[0]));
    printf("after one has ended: %d\n", pid > 0);
    for (int i = 0; i < count; i++) {
        tell(gate[1]);
        CHECK(waitpid(-1, &status, 0) > 0);
    }
    for (count = 0; count < LIMIT && (errno = pthread_create(&threads[count], 0, idle_thread, &gate[0])) == 0;)
        count++;
    printf("threads: %d, %s\n", count, error_name(errno));
    SHOW(SPAWN_WITH(0, 0, "idle", text_of(gate[0])));
    for (int i = 0; i < count; i++)
        tell(gate[1]);
    for (int i = 0; i < count; i++)
        CHECK(pthread_join(threads[i], 0) == 0);
    SHOW(waitpid(-1, 0, 0));
    return 0;
}

/* With the right to, the limit doesn't hold. */
static int privileged(char **args)
{
    (void)args;
    struct rlimit limit = { 0, 0 };
    CHECK(setrlimit(RLIMIT_NPROC, &limit) == 0);
    pid_t pid = start_clone(CLONE_VM | CLONE_VFORK | SIGCHLD, quit, (void *)5);
    show_end("root", pid);
    return 0;
}

static int test(void)
{
    if (geteuid() != 0)
        return 0;
    show_end("user", SPAWN("user"));
    show_end("privileged", SPAWN("privileged"));
    return 0;
}

PROGRAM(test, { "idle", be_idle }, { "user", user }, { "privileged", privileged })
