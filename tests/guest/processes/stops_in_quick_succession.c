// A process with threads that is stopped again before all of them have noticed that they were continued stops as a whole.
#include <pthread.h>
#include "process.h"

enum { ROUNDS = 300, THREADS = 3 };

static void *run(void *argument)
{
    for (;;) {
        *(volatile int *)argument += 1;
        if (*(volatile int *)argument % 1000 == 0)
            sched_yield();
    }
    return 0;
}

static int threads(char **args)
{
    static int counts[THREADS];
    pthread_t thread;
    for (int i = 1; i < THREADS; i++)
        CHECK(pthread_create(&thread, 0, run, &counts[i]) == 0);
    tell(atoi(args[0]));
    run(&counts[0]);
    return 0;
}

static int sleeper(char **args)
{
    tell(atoi(args[0]));
    for (;;)
        pause();
}

static void test_with(const char *role)
{
    int ready[2], status, stops = 0, continuations = 0;
    CHECK(pipe(ready) == 0);
    pid_t pid = SPAWN(role, text_of(ready[1]));
    await(ready[0]);
    for (int i = 0; i < ROUNDS; i++) {
        for (int j = 0; j < i % 4; j++)
            CHECK(kill(pid, SIGSTOP) == 0 && kill(pid, SIGCONT) == 0);
        CHECK(kill(pid, SIGSTOP) == 0);
        CHECK(waitpid(pid, &status, WUNTRACED) == pid);
        stops += WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP;
        /* The second one changes nothing. */
        CHECK(kill(pid, SIGCONT) == 0 && kill(pid, SIGCONT) == 0);
        CHECK(waitpid(pid, &status, WCONTINUED) == pid);
        continuations += WIFCONTINUED(status);
        CHECK(waitpid(pid, &status, WUNTRACED | WCONTINUED | WNOHANG) == 0);
    }
    printf("%s: all stops %d, all continuations %d\n", role, stops == ROUNDS, continuations == ROUNDS);
    CHECK(kill(pid, SIGSTOP) == 0 && kill(pid, SIGKILL) == 0);
    show_end(role, pid);
}

static int test(void)
{
    test_with("threads");
    test_with("sleeper");
    return 0;
}

PROGRAM(test, { "threads", threads }, { "sleeper", sleeper })
