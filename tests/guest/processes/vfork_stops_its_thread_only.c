// While a vfork'ed child runs, the parent's other threads go on, and several may vfork at once.
// build: -O0
#include <pthread.h>
#include <stdatomic.h>
#include "process.h"

static atomic_int progress, finished;

static void *count(void *argument)
{
    while (!finished) {
        progress++;
        sched_yield();
    }
    return argument;
}

static int quiet(char **args)
{
    return atoi(args[0]);
}

static void *spawn_many(void *argument)
{
    long number = (long)argument;
    char *arguments[] = { "self", "quiet", text_of(number), 0 };
    for (int i = 0; i < 50; i++) {
        volatile int mine = 0;
        pid_t pid = vfork();
        CHECK(pid >= 0);
        if (pid == 0) {
            mine = i + 1;
            if (i % 2)
                _exit((int)number);
            execv("/proc/self/exe", arguments);
            _exit(127);
        }
        CHECK(mine == i + 1);
        int status = end_of(pid);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == number);
    }
    return 0;
}

static int test(void)
{
    pthread_t counter, spawners[4];
    CHECK(pthread_create(&counter, 0, count, 0) == 0);
    for (int i = 0; i < 20; i++) {
        pid_t pid = vfork();
        CHECK(pid >= 0);
        if (pid == 0) {
            /* Hangs unless the other thread runs. */
            for (int start = progress; progress - start < 100;)
                sched_yield();
            _exit(4);
        }
        int status = end_of(pid);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 4);
    }
    puts("other threads run");
    for (long i = 0; i < 4; i++)
        CHECK(pthread_create(&spawners[i], 0, spawn_many, (void *)(i + 1)) == 0);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_join(spawners[i], 0) == 0);
    finished = 1;
    CHECK(pthread_join(counter, 0) == 0);
    puts("200 children of four threads");
    SHOW(waitpid(-1, 0, WNOHANG));
    return 0;
}

PROGRAM(test, { "quiet", quiet })
