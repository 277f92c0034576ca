// execve by one thread while others start threads: all of them end, and the new program runs.
// build: -pthread
#include <pthread.h>
#include "process.h"

enum { TIMES = 300, MOST = 50 };

static void *wait_for_ever(void *argument)
{
    pause();
    return argument;
}

/* Each thread starts the next one. */
static void *breed(void *argument)
{
    static int started;
    pthread_t thread;
    if (__atomic_add_fetch(&started, 1, __ATOMIC_SEQ_CST) < MOST && pthread_create(&thread, 0, breed, 0) == 0)
        pthread_detach(thread);
    return wait_for_ever(argument);
}

static int again(char **args)
{
    int left = atoi(args[0]);
    if (left == 0)
        return 7;
    pthread_t thread;
    CHECK(pthread_create(&thread, 0, breed, 0) == 0);
    for (int spins = left % 10 * 3000; spins; spins--)
        __asm__ volatile("");
    execl("/proc/self/exe", "self", "again", text_of(left - 1), (char *)0);
    return 1;
}

static int test(void)
{
    show_end("after many", SPAWN("again", text_of(TIMES)));
    return 0;
}

PROGRAM(test, { "again", again })
