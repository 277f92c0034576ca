// Many threads wait for the same children: each child is taken once. Children of one thread are those of all.
#include <pthread.h>
#include <stdatomic.h>
#include "process.h"

enum { THREADS = 8, CHILDREN = 200 };
static atomic_int taken, sum, refused;
static _Atomic pid_t child;

static int quit(char **args)
{
    return atoi(args[0]);
}

static void *take_any(void *argument)
{
    int status;
    for (;;) {
        pid_t pid = waitpid(-1, &status, 0);
        if (pid == -1) {
            CHECK(errno == ECHILD);
            break;
        }
        CHECK(WIFEXITED(status));
        taken++;
        sum += WEXITSTATUS(status);
    }
    return argument;
}

static void *take_one(void *argument)
{
    int status;
    pid_t pid = waitpid(child, &status, 0);
    if (pid == -1)
        refused += errno == ECHILD;
    else
        taken += pid == child && WEXITSTATUS(status) == 77;
    return argument;
}

static void *start(void *argument)
{
    child = SPAWN("quit", "78");
    return argument;
}

static void *start_and_stay(void *argument)
{
    child = SPAWN("quit", "79");
    await(*(int *)argument);
    return 0;
}

static int test(void)
{
    pthread_t threads[THREADS];
    int expected = 0, gate[2];
    CHECK(pipe(gate) == 0);
    for (int i = 0; i < CHILDREN; i++) {
        SPAWN("quit", text_of(i % 50));
        expected += i % 50;
    }
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], 0, take_any, 0) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], 0) == 0);
    printf("any: %d children, statuses' sum %d\n", taken, sum == expected);

    taken = 0;
    for (int round = 0; round < 50; round++) {
        child = SPAWN("quit", "77");
        for (int i = 0; i < THREADS; i++)
            CHECK(pthread_create(&threads[i], 0, take_one, 0) == 0);
        for (int i = 0; i < THREADS; i++)
            CHECK(pthread_join(threads[i], 0) == 0);
    }
    printf("one: taken %d, refused %d\n", taken, refused);

    /* Of a thread that has ended, and of one that lives. */
    CHECK(pthread_create(&threads[0], 0, start, 0) == 0 && pthread_join(threads[0], 0) == 0);
    show_end("of an ended thread", child);
    child = 0;
    CHECK(pthread_create(&threads[0], 0, start_and_stay, &gate[0]) == 0);
    while (!child)
        pause_ms(1);
    int status;
    printf("not its own: %s\n", waitpid(child, &status, __WNOTHREAD) == -1 ? error_name(errno) : "taken");
    show_end("of another thread", child);
    tell(gate[1]);
    CHECK(pthread_join(threads[0], 0) == 0);
    return 0;
}

PROGRAM(test, { "quit", quit })
