// Who isn't root may make itself less important, and nothing else.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include "check.h"

static pthread_barrier_t ready, done;
static pid_t other;

static void *stay_root(void *argument)
{
    (void)argument;
    other = gettid();
    pthread_barrier_wait(&ready);
    pthread_barrier_wait(&done);
    return 0;
}

static long set(pid_t tid, int policy, int priority)
{
    struct sched_param param = { priority };
    return syscall(SYS_sched_setscheduler, tid, policy, &param);
}

int main(void)
{
    pthread_t thread;
    pthread_barrier_init(&ready, 0, 2);
    pthread_barrier_init(&done, 0, 2);
    struct rlimit none = { 0, 0 };
    CHECK(setrlimit(RLIMIT_NICE, &none) == 0 && setrlimit(RLIMIT_RTPRIO, &none) == 0);
    CHECK(pthread_create(&thread, 0, stay_root, 0) == 0);
    pthread_barrier_wait(&ready);
    // By the system call, which is for the calling thread alone.
    CHECK(syscall(SYS_setresuid, 1000, 1000, 1000) == 0);

    SHOW(setpriority(PRIO_PROCESS, 0, 3));
    SHOW(setpriority(PRIO_PROCESS, 0, 3));
    SHOW(setpriority(PRIO_PROCESS, 0, 2));
    SHOW_VALUE(nice(-1));
    SHOW(setpriority(PRIO_PROCESS, other, 10));
    SHOW(setpriority(PRIO_USER, 1000, 5));
    SHOW_VALUE(getpriority(PRIO_PROCESS, 0));
    SHOW_VALUE(getpriority(PRIO_PROCESS, other));
    SHOW(set(0, SCHED_BATCH, 0));
    SHOW(set(0, SCHED_OTHER, 0));
    SHOW(set(0, SCHED_FIFO, 1));
    SHOW(set(0, SCHED_RR, 1));
    SHOW(set(other, SCHED_BATCH, 0));
    SHOW(set(0, SCHED_OTHER | SCHED_RESET_ON_FORK, 0));
    SHOW(set(0, SCHED_OTHER, 0));
    SHOW_VALUE(sched_getscheduler(0));
    SHOW(set(0, SCHED_IDLE | SCHED_RESET_ON_FORK, 0));
    SHOW(set(0, SCHED_OTHER | SCHED_RESET_ON_FORK, 0));
    SHOW(set(0, SCHED_BATCH | SCHED_RESET_ON_FORK, 0));
    cpu_set_t set;
    CHECK(sched_getaffinity(0, sizeof set, &set) == 0);
    SHOW(sched_setaffinity(0, sizeof set, &set));
    SHOW(sched_setaffinity(other, sizeof set, &set));
    SHOW(sched_getaffinity(other, sizeof set, &set));

    // I/O priorities: class and level.
    SHOW_VALUE(syscall(SYS_ioprio_get, 1, 0));
    SHOW(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 6));
    SHOW_VALUE(syscall(SYS_ioprio_get, 1, 0));
    SHOW_VALUE(syscall(SYS_ioprio_get, 3, 1000));
    SHOW(syscall(SYS_ioprio_set, 1, 0, 1 << 13 | 4));
    SHOW(syscall(SYS_ioprio_set, 1, 0, 3 << 13));
    SHOW(syscall(SYS_ioprio_set, 1, other, 3 << 13));
    SHOW_VALUE(syscall(SYS_ioprio_get, 1, 0));
    SHOW(syscall(SYS_ioprio_set, 1, 0, 1));
    SHOW(syscall(SYS_ioprio_set, 1, 0, 4 << 13));
    SHOW(syscall(SYS_ioprio_set, 4, 0, 0));
    SHOW(syscall(SYS_ioprio_set, 1, 0x7ffffff, 0));
    SHOW(syscall(SYS_ioprio_set, 1, 0, 0));
    SHOW_VALUE(syscall(SYS_ioprio_get, 1, 0));
    SHOW(syscall(SYS_ioprio_get, 0, 0));
    SHOW(syscall(SYS_ioprio_get, 2, 0x7ffffff));
    pthread_barrier_wait(&done);
    CHECK(pthread_join(thread, 0) == 0);
    return 0;
}
