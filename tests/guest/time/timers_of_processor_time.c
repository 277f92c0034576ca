// ITIMER_VIRTUAL and ITIMER_PROF, sleeping on and reading clocks of processor time.
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include "check.h"

static volatile int virtual_ticks, prof_ticks, stop;

static void on_tick(int signal)
{
    if (signal == SIGVTALRM)
        virtual_ticks++;
    else
        prof_ticks++;
}

static void *work(void *argument)
{
    while (!stop)
        ;
    return argument;
}

int main(void)
{
    CHECK(signal(SIGVTALRM, on_tick) != SIG_ERR && signal(SIGPROF, on_tick) != SIG_ERR);
    struct itimerval timer = { { 0, 10000 }, { 0, 10000 } }, old;
    SHOW(setitimer(ITIMER_VIRTUAL, &timer, &old));
    SHOW(setitimer(ITIMER_PROF, &timer, &old));
    while (virtual_ticks < 3 || prof_ticks < 3)
        ;
    SHOW(getitimer(ITIMER_PROF, &old));
    printf("interval %ld us\n", (long)old.it_interval.tv_usec);
    timer = (struct itimerval){ { 0, 0 }, { 0, 0 } };
    SHOW(setitimer(ITIMER_VIRTUAL, &timer, &old));
    printf("was on: %d\n", old.it_value.tv_usec > 0);
    SHOW(setitimer(ITIMER_PROF, &timer, 0));

    /* Who sleeps uses no processor time, so such a timer doesn't expire. */
    int before = prof_ticks;
    timer.it_value.tv_sec = 1;
    SHOW(setitimer(ITIMER_PROF, &timer, 0));
    struct timespec pause_time = { 0, 20000000 };
    nanosleep(&pause_time, 0);
    printf("asleep: %d ticks\n", prof_ticks - before);
    SHOW(getitimer(ITIMER_PROF, &old));
    printf("some left: %d\n", old.it_value.tv_sec == 0 ? old.it_value.tv_usec > 100000 : 1);

    pthread_t thread;
    CHECK(pthread_create(&thread, 0, work, 0) == 0);
    clockid_t clock;
    CHECK(pthread_getcpuclockid(thread, &clock) == 0);
    struct timespec first, now, request = { 0, 10000000 };
    CHECK(clock_gettime(clock, &first) == 0);
    SHOW(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, &request, 0));
    SHOW_VALUE(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &request, 0) == EINVAL);
    SHOW(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &request, 0));
    SHOW(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC_RAW, 0, &request, 0));
    do
        CHECK(clock_gettime(clock, &now) == 0);
    while (now.tv_sec == first.tv_sec && now.tv_nsec <= first.tv_nsec + 1000000);
    printf("another thread's clock goes\n");
    stop = 1;
    CHECK(pthread_join(thread, 0) == 0);
    CHECK(pthread_getcpuclockid(pthread_self(), &clock) == 0);
    SHOW(clock_gettime(clock, &now));
    SHOW(clock_gettime(~(1 << 21) * 8 | 6, &now));
    return 0;
}
