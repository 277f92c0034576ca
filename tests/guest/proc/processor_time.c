// Processor time is each process's own: its clocks, its usage, its timers, and what its parent is told.
#include <pthread.h>
#include "proc.h"

static volatile int expired;
static void count(int signal) { (void)signal; expired++; }

static double used(const struct rusage *usage) { return seconds_of(usage->ru_utime) + seconds_of(usage->ru_stime); }

static int between(double low, double value, double high) { return low <= value && value <= high; }

static void *burn_in_thread(void *argument)
{
    (void)argument;
    while (clock_seconds(CLOCK_THREAD_CPUTIME_ID) < 0.1)
        ;
    return 0;
}

int main(void)
{
    int ready[2], go[2];
    CHECK(pipe(ready) == 0 && pipe(go) == 0);
    pid_t child = fork();
    if (child == 0) {
        printf("a child starts from nothing: %d\n", clock_seconds(CLOCK_PROCESS_CPUTIME_ID) < 0.1);
        fflush(stdout);
        burn_until(0.2);
        CHECK(write(ready[1], "x", 1) == 1);
        char byte;
        CHECK(read(go[0], &byte, 1) == 1);
        return 0;
    }
    /* Its timer of processor time doesn't run for a child's. */
    signal(SIGPROF, count);
    signal(SIGVTALRM, count);
    struct itimerval timer = { .it_value = { 0, 150000 } };
    CHECK(setitimer(ITIMER_PROF, &timer, 0) == 0 && setitimer(ITIMER_VIRTUAL, &timer, 0) == 0);
    char byte;
    while (read(ready[0], &byte, 1) != 1)
        ;
    printf("own time: %d, expired %d\n", clock_seconds(CLOCK_PROCESS_CPUTIME_ID) < 0.15, expired);
    clockid_t clock;
    CHECK(clock_getcpuclockid(child, &clock) == 0);
    printf("the child's clock: %d\n", between(0.2, clock_seconds(clock), 5));
    printf("its stat: %d\n", between(18, stat_field(child, 14) + stat_field(child, 15), 500));
    struct rusage usage;
    CHECK(getrusage(RUSAGE_CHILDREN, &usage) == 0);
    printf("nothing of children yet: %d\n", used(&usage) == 0);
    CHECK(write(go[1], "x", 1) == 1);
    CHECK(wait4(child, 0, 0, &usage) == child);
    printf("told by wait: %d\n", between(0.2, used(&usage), 5));
    CHECK(getrusage(RUSAGE_CHILDREN, &usage) == 0);
    printf("of children: %d\n", between(0.2, used(&usage), 5));
    printf("in stat: %d\n", between(18, stat_field(getpid(), 16) + stat_field(getpid(), 17), 500));
    struct tms times_used;
    times(&times_used);
    printf("by times: %d\n", between(18, times_used.tms_cutime + times_used.tms_cstime, 500));
    CHECK(clock_getcpuclockid(child, &clock) != 0);

    /* An ended thread's time stays its process's. */
    double before = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
    pthread_t thread;
    CHECK(pthread_create(&thread, 0, burn_in_thread, 0) == 0 && pthread_join(thread, 0) == 0);
    printf("with an ended thread: %d\n", clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - before >= 0.1);
    CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
    printf("agrees with the usage: %d\n", between(-0.05, clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - used(&usage), 0.05));
    burn_until(0.4);
    while (expired < 2)
        ;
    puts("both timers expired");
    double last = 0;
    for (int i = 0; i < 1000; i++) {
        double now = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
        CHECK(now >= last);
        last = now;
    }
    return 0;
}
