// sched_setscheduler, sched_setparam, sched_setattr and what new threads inherit of them.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include "check.h"

struct attr {
    unsigned size, policy;
    unsigned long flags;
    int nice;
    unsigned priority;
    unsigned long runtime, deadline, period;
    unsigned util_min, util_max;
};

static void show(const char *name)
{
    struct attr attr = { 0 };
    CHECK(syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 0) == 0);
    struct sched_param param;
    CHECK(sched_getparam(0, &param) == 0);
    printf("%s: scheduler %#x, policy %u, flags %lu, nice %d, priority %u %d, size %u\n", name, sched_getscheduler(0),
           attr.policy, attr.flags, attr.nice, attr.priority, param.sched_priority, attr.size);
}

static void *show_thread(void *argument)
{
    show(argument);
    printf("nice value %d\n", getpriority(PRIO_PROCESS, 0));
    return 0;
}

static void show_new_thread(const char *name)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, 0, show_thread, (void *)name) == 0 && pthread_join(thread, 0) == 0);
}

static long set(int policy, int priority)
{
    struct sched_param param = { priority };
    return syscall(SYS_sched_setscheduler, 0, policy, &param);
}

static long set_attr(struct attr attr)
{
    return syscall(SYS_sched_setattr, 0, &attr, 0);
}

#define ATTR(...) ((struct attr){ .size = sizeof(struct attr), __VA_ARGS__ })

int main(void)
{
    show("first");
    SHOW(set(SCHED_FIFO, 5));
    show("fifo");
    show_new_thread("its thread");
    struct sched_param param = { 7 };
    SHOW(sched_setparam(0, &param));
    show("higher");
    SHOW(set(SCHED_RR, 3));
    struct timespec slice;
    SHOW(sched_rr_get_interval(0, &slice));
    printf("round robin has slices: %d\n", slice.tv_sec > 0 || slice.tv_nsec > 0);
    SHOW(set(SCHED_RR | SCHED_RESET_ON_FORK, 3));
    show("reset on fork");
    SHOW(setpriority(PRIO_PROCESS, 0, 6));
    show_new_thread("its thread");
    SHOW(set(SCHED_OTHER, 0));
    show("other");
    SHOW(setpriority(PRIO_PROCESS, 0, -4));
    SHOW(set(SCHED_BATCH | SCHED_RESET_ON_FORK, 0));
    show_new_thread("a nice one's thread");
    SHOW(set(SCHED_IDLE, 0));
    show("idle");
    show_new_thread("its thread");
    SHOW(set(SCHED_OTHER, 0));
    SHOW(setpriority(PRIO_PROCESS, 0, 0));
    show_new_thread("back again");

    SHOW(set_attr(ATTR(.policy = SCHED_BATCH, .nice = 4)));
    show("attr batch");
    SHOW(set_attr(ATTR(.policy = SCHED_FIFO, .priority = 9, .nice = -7)));
    show("attr fifo");
    SHOW_VALUE(getpriority(PRIO_PROCESS, 0));
    SHOW(set_attr(ATTR(.policy = 1, .priority = 2, .flags = 8)));
    show("keep policy");
    SHOW(set_attr(ATTR(.policy = SCHED_RR, .priority = 99, .flags = 16)));
    show("keep parameters");
    SHOW(set_attr(ATTR(.policy = SCHED_OTHER, .nice = 100)));
    show("clamped");
    SHOW(set_attr(ATTR(.policy = SCHED_OTHER, .flags = 1)));
    show("reset");
    SHOW(set_attr(ATTR(.flags = 8)));
    show("flag kept");
    SHOW(set_attr(ATTR(.flags = 0)));

    SHOW(set_attr(ATTR(.policy = SCHED_OTHER, .priority = 1)));
    SHOW(set_attr(ATTR(.policy = SCHED_FIFO)));
    SHOW(set_attr(ATTR(.policy = SCHED_FIFO, .priority = 100)));
    SHOW(set_attr(ATTR(.policy = 99)));
    SHOW(set_attr(ATTR(.policy = -1)));
    SHOW(set_attr(ATTR(.policy = -1, .flags = 8)));
    SHOW(set_attr(ATTR(.policy = SCHED_OTHER, .flags = 0x100)));
    SHOW(set_attr(ATTR(.policy = 6)));
    SHOW(set_attr(ATTR(.policy = 6, .runtime = 1, .deadline = 2, .period = 3)));
    SHOW(set_attr((struct attr){ .size = 4 }));
    SHOW(set_attr((struct attr){ .size = 0 }));
    struct attr attr = { .size = 4 };
    SHOW(syscall(SYS_sched_setattr, 0, &attr, 0));
    printf("size told: %u\n", attr.size);
    SHOW(syscall(SYS_sched_setattr, 0, 0, 0));
    SHOW(syscall(SYS_sched_setattr, -1, &attr, 0));
    SHOW(syscall(SYS_sched_setattr, 0, &attr, 1));
    SHOW(syscall(SYS_sched_getattr, 0, &attr, 47, 0));
    SHOW(syscall(SYS_sched_getattr, 0, &attr, 48, 0));
    SHOW(syscall(SYS_sched_getattr, 0, &attr, 5000, 0));
    SHOW(syscall(SYS_sched_getattr, 0x7ffffff, &attr, 48, 0));
    SHOW(syscall(SYS_sched_getattr, 0, (void *)8, 48, 0));

    SHOW(set(6, 0));
    SHOW(set(4, 0));
    SHOW(set(-1, 0));
    SHOW(set(SCHED_FIFO, 0));
    SHOW(set(SCHED_BATCH, 1));
    SHOW(sched_setscheduler(-5, SCHED_OTHER, &param));
    SHOW(sched_setscheduler(0x7ffffff, SCHED_OTHER, &(struct sched_param){ 0 }));
    SHOW(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, (void *)8));
    SHOW(sched_getscheduler(0x7ffffff));
    SHOW(sched_getscheduler(-1));
    SHOW(sched_rr_get_interval(-1, &slice));
    SHOW(sched_rr_get_interval(0x7ffffff, &slice));
    SHOW(syscall(SYS_sched_rr_get_interval, 0, 8));
    return 0;
}
