// RLIMIT_CPU: a signal at the soft limit, which then moves on, and the end at the hard limit.
// status: 137
#include <signal.h>
#include <sys/resource.h>
#include "check.h"

static volatile sig_atomic_t signals;

static void count(int signal)
{
    (void)signal;
    signals = signals + 1;
}

int main(void)
{
    signal(SIGXCPU, count);
    struct rlimit limit = { 1, 2 };
    SHOW(setrlimit(RLIMIT_CPU, &limit));
    while (signals == 0)
        ;
    CHECK(getrlimit(RLIMIT_CPU, &limit) == 0);
    printf("SIGXCPU; now %lu %lu\n", limit.rlim_cur, limit.rlim_max);
    fflush(stdout);
    while (signals < 10)
        ;
    printf("not ended\n");
    return 0;
}
