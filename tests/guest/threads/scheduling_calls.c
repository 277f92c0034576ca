// The sched_* calls, getcpu and membarrier, as far as their answers don't depend on the machine.
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include "check.h"

int main(void)
{
    cpu_set_t set;
    CHECK(sched_getaffinity(0, sizeof set, &set) == 0);
    CHECK(CPU_COUNT(&set) == sysconf(_SC_NPROCESSORS_ONLN) || CPU_COUNT(&set) > 0);
    int cpu = 0;
    while (!CPU_ISSET(cpu, &set))
        cpu++;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    SHOW(sched_setaffinity(0, sizeof one, &one));
    CHECK(sched_getaffinity(gettid(), sizeof one, &one) == 0);
    printf("on %d processor, the right one: %d\n", CPU_COUNT(&one), CPU_ISSET(cpu, &one) != 0);
    printf("running there: %d\n", sched_getcpu() == cpu);
    CPU_ZERO(&one);
    SHOW(sched_setaffinity(0, sizeof one, &one));
    SHOW(sched_getaffinity(0, 1, &one));
    SHOW(sched_getaffinity(0x7ffffff, sizeof one, &one));
    SHOW(syscall(SYS_sched_getaffinity, 0, sizeof one, (void *)8));
    CHECK(sched_setaffinity(0, sizeof set, &set) == 0);

    SHOW_VALUE(sched_getscheduler(0));
    SHOW_VALUE(sched_get_priority_max(SCHED_FIFO));
    SHOW_VALUE(sched_get_priority_min(SCHED_RR));
    SHOW_VALUE(sched_get_priority_max(SCHED_OTHER));
    SHOW_VALUE(sched_get_priority_max(99));
    struct sched_param parameter = { 99 };
    SHOW(sched_getparam(0, &parameter));
    printf("priority %d\n", parameter.sched_priority);
    SHOW(sched_setscheduler(0, SCHED_OTHER, &parameter));
    parameter.sched_priority = 5;
    SHOW(sched_setscheduler(0, SCHED_OTHER, &parameter));
    SHOW(sched_setscheduler(0, 99, &parameter));
    SHOW(sched_getparam(0, 0));
    SHOW(sched_getparam(-1, &parameter));
    SHOW(sched_yield());
    SHOW_VALUE(getpriority(PRIO_PROCESS, 0));
    SHOW(setpriority(PRIO_PROCESS, 0, 19));
    SHOW_VALUE(getpriority(PRIO_PROCESS, 0));
    SHOW(getpriority(99, 0));

    unsigned where, node;
    SHOW(syscall(SYS_getcpu, &where, &node, 0));
    SHOW(syscall(SYS_getcpu, 0, 0, 0));
    CHECK(syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0) > 0);
    SHOW(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
    SHOW(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
    SHOW(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
    SHOW(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0));
    SHOW(syscall(SYS_membarrier, 12345, 0, 0));
    SHOW(syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 1, 0));
    return 0;
}
