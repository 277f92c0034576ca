// nanosleep and clock_nanosleep sleep at least as long as asked, and refuse what is no time.
#include <sys/syscall.h>
#include <sys/select.h>
#include <poll.h>
#include <time.h>
#include "check.h"

static long since(struct timespec start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - start.tv_sec) * 1000000000 + now.tv_nsec - start.tv_nsec;
}

int main(void)
{
    struct timespec start, time = { 0, 20000000 }, left = { 7, 7 };
    clock_gettime(CLOCK_MONOTONIC, &start);
    SHOW(nanosleep(&time, &left));
    printf("long enough: %d, rest untouched: %d\n", since(start) >= 20000000, left.tv_sec == 7);
    clock_gettime(CLOCK_MONOTONIC, &start);
    SHOW(clock_nanosleep(CLOCK_REALTIME, 0, &time, 0));
    printf("long enough: %d\n", since(start) >= 20000000);
    clock_gettime(CLOCK_MONOTONIC, &start);
    time = start;
    time.tv_nsec += 20000000;
    if (time.tv_nsec >= 1000000000)
        time.tv_sec++, time.tv_nsec -= 1000000000;
    SHOW(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, 0));
    printf("long enough: %d\n", since(start) >= 20000000);
    SHOW(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &start, 0));
    time = (struct timespec){ 0, 0 };
    SHOW(nanosleep(&time, 0));
    time.tv_nsec = 1000000000;
    SHOW(nanosleep(&time, 0));
    time.tv_nsec = -1;
    SHOW(nanosleep(&time, 0));
    time = (struct timespec){ -1, 0 };
    SHOW(nanosleep(&time, 0));
    SHOW(nanosleep((void *)8, 0));
    time = (struct timespec){ 0, 1 };
    SHOW(-clock_nanosleep(100, 0, &time, 0) == -EINVAL);
    SHOW(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &time, 0));
    SHOW(syscall(SYS_clock_nanosleep, 100, 0, &time, 0));
    clock_gettime(CLOCK_MONOTONIC, &start);
    SHOW_VALUE(poll(0, 0, 15));
    printf("long enough: %d\n", since(start) >= 15000000);
    struct timeval wait = { 0, 15000 };
    clock_gettime(CLOCK_MONOTONIC, &start);
    SHOW_VALUE(select(0, 0, 0, 0, &wait));
    printf("long enough: %d\n", since(start) >= 15000000);
    return 0;
}
