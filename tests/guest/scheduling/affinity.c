// Affinity holds for a thread and those that it starts, and for no others.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include "check.h"

static cpu_set_t all, one;
static int cpu;
static pthread_barrier_t ready, done;
static pid_t other;

static int is_pinned(void)
{
    cpu_set_t set;
    CHECK(sched_getaffinity(0, sizeof set, &set) == 0);
    return CPU_EQUAL(&set, &one);
}

static void *stay(void *argument)
{
    (void)argument;
    other = gettid();
    pthread_barrier_wait(&ready);
    pthread_barrier_wait(&done);
    return (void *)(long)(is_pinned() && sched_getcpu() == cpu);
}

static void *look(void *argument)
{
    (void)argument;
    return (void *)(long)is_pinned();
}

static void *pin_and_start(void *argument)
{
    (void)argument;
    CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
    pthread_t thread;
    void *result;
    CHECK(pthread_create(&thread, 0, look, 0) == 0 && pthread_join(thread, &result) == 0);
    return result;
}

static long run(void *(*body)(void *))
{
    pthread_t thread;
    void *result;
    CHECK(pthread_create(&thread, 0, body, 0) == 0 && pthread_join(thread, &result) == 0);
    return (long)result;
}

int main(void)
{
    pthread_t thread;
    void *result;
    pthread_barrier_init(&ready, 0, 2);
    pthread_barrier_init(&done, 0, 2);
    CHECK(sched_getaffinity(0, sizeof all, &all) == 0);
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &all))
            cpu = i;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);

    CHECK(pthread_create(&thread, 0, stay, 0) == 0);
    pthread_barrier_wait(&ready);
    SHOW(sched_setaffinity(other, sizeof one, &one));
    pthread_barrier_wait(&done);
    CHECK(pthread_join(thread, &result) == 0);
    printf("pinned by another, and there: %ld\n", (long)result);

    printf("inherited: %ld\n", run(pin_and_start));
    int strays = 0;
    for (int i = 0; i < 50; i++) {
        if (i % 5 == 0)
            run(pin_and_start);
        strays += run(look) && !CPU_EQUAL(&all, &one);
    }
    printf("pinned without being asked: %d\n", strays);

    CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
    printf("running there: %d\n", sched_getcpu() == cpu);
    SHOW(sched_setaffinity(0, sizeof all, &all));
    SHOW(sched_setaffinity(-1, sizeof all, &all));
    SHOW(sched_getaffinity(-1, sizeof all, &all));
    SHOW(sched_setaffinity(0x7ffffff, sizeof all, &all));
    SHOW(syscall(SYS_sched_setaffinity, 0, 0, &all));
    SHOW(syscall(SYS_sched_setaffinity, 0, sizeof all, (void *)8));
    SHOW(syscall(SYS_sched_getaffinity, 0, 12, &all));
    return 0;
}
