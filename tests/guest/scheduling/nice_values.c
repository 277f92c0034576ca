// Nice values belong to threads; process groups and users stand for all their threads; new threads inherit them.
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include "check.h"

static pthread_barrier_t ready, done;
static pid_t other;

static void *wait_for_end(void *argument)
{
    (void)argument;
    other = gettid();
    pthread_barrier_wait(&ready);
    pthread_barrier_wait(&done);
    return 0;
}

static void *show_own(void *argument)
{
    printf("%s: %d\n", (char *)argument, getpriority(PRIO_PROCESS, 0));
    return 0;
}

static void run(void *(*body)(void *), void *argument)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, 0, body, argument) == 0 && pthread_join(thread, 0) == 0);
}

int main(void)
{
    pthread_t thread;
    pthread_barrier_init(&ready, 0, 2);
    pthread_barrier_init(&done, 0, 2);
    CHECK(setpgid(0, 0) == 0 || errno == EPERM);
    CHECK(pthread_create(&thread, 0, wait_for_end, 0) == 0);
    pthread_barrier_wait(&ready);

    SHOW_VALUE(getpriority(PRIO_PROCESS, 0));
    SHOW(setpriority(PRIO_PROCESS, other, 5));
    SHOW_VALUE(getpriority(PRIO_PROCESS, other));
    SHOW_VALUE(getpriority(PRIO_PROCESS, getpid()));
    SHOW_VALUE(getpriority(PRIO_PGRP, 0));
    SHOW(setpriority(PRIO_PROCESS, 0, 7));
    SHOW_VALUE(getpriority(PRIO_PGRP, getpgrp()));
    run(show_own, "inherited");
    SHOW_VALUE(nice(2));
    SHOW_VALUE(nice(100));
    SHOW(setpriority(PRIO_PGRP, 0, 3));
    SHOW_VALUE(getpriority(PRIO_PROCESS, other));
    SHOW_VALUE(getpriority(PRIO_PROCESS, 0));
    SHOW(setpriority(PRIO_PROCESS, 0, -100));
    SHOW_VALUE(syscall(SYS_getpriority, PRIO_PROCESS, 0));
    SHOW(setpriority(PRIO_PROCESS, 0, 0));
    SHOW(setpriority(PRIO_PROCESS, other, 0));

    SHOW(setpriority(PRIO_PROCESS, 0x7ffffff, 0));
    SHOW(setpriority(PRIO_PGRP, 0x7ffffff, 0));
    SHOW(setpriority(PRIO_USER, 0x7ffffff, 0));
    SHOW(setpriority(3, 0, 0));
    SHOW(getpriority(PRIO_PROCESS, -1));
    SHOW(getpriority(PRIO_USER, 0x7ffffff));
    SHOW(getpriority(-1, 0));
    pthread_barrier_wait(&done);
    CHECK(pthread_join(thread, 0) == 0);

    // A thread that ended with a nice value of its own leaves nothing to those that come after.
    for (int i = 0; i < 20; i++) {
        CHECK(setpriority(PRIO_PROCESS, 0, 0) == 0);
        CHECK(pthread_create(&thread, 0, wait_for_end, 0) == 0);
        pthread_barrier_wait(&ready);
        CHECK(setpriority(PRIO_PROCESS, other, 11) == 0);
        pthread_barrier_wait(&done);
        CHECK(pthread_join(thread, 0) == 0);
    }
    run(show_own, "after others");
    return 0;
}
