// setitimer, getitimer and alarm: remaining times, replacement, disarming.
#include <signal.h>
#include <sys/time.h>
#include <time.h>
#include "check.h"

static volatile int ticks;

static void on_alarm(int signal)
{
    (void)signal;
    ticks++;
}

int main(void)
{
    CHECK(signal(SIGALRM, on_alarm) != SIG_ERR);
    SHOW_VALUE(alarm(100));
    unsigned left = alarm(50);
    printf("left %d\n", left >= 90 && left <= 100);
    SHOW_VALUE(alarm(0) > 0);
    SHOW_VALUE(alarm(0));
    struct itimerval timer = { { 0, 2000 }, { 0, 1000 } }, old;
    SHOW(setitimer(ITIMER_REAL, &timer, &old));
    printf("was off: %d\n", old.it_value.tv_sec == 0 && old.it_value.tv_usec == 0);
    while (ticks < 5)
        pause();
    SHOW(getitimer(ITIMER_REAL, &old));
    printf("interval %ld us\n", (long)old.it_interval.tv_usec);
    timer = (struct itimerval){ { 0, 0 }, { 0, 0 } };
    SHOW(setitimer(ITIMER_REAL, &timer, &old));
    int before = ticks;
    struct timespec pause_time = { 0, 10000000 };
    nanosleep(&pause_time, 0);
    printf("no ticks when off: %d\n", ticks == before);
    SHOW(setitimer(99, &timer, 0));
    timer.it_value.tv_usec = 1000000;
    SHOW(setitimer(ITIMER_REAL, &timer, 0));
    timer.it_value = (struct timeval){ -1, 0 };
    SHOW(setitimer(ITIMER_REAL, &timer, 0));
    SHOW(setitimer(ITIMER_REAL, (void *)8, 0));
    SHOW(getitimer(ITIMER_REAL, (void *)8));
    return 0;
}
