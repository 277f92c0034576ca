// An alarm goes on in the program that execve starts, POSIX timers don't.
// status: 142
#include <signal.h>
#include <sys/time.h>
#include <time.h>
#include "check.h"

int main(int argc, char **argv)
{
    if (argc > 1) {
        struct timespec time = { 0, 30000000 };
        CHECK(nanosleep(&time, 0) == 0);
        struct itimerval timer;
        CHECK(getitimer(ITIMER_REAL, &timer) == 0);
        printf("still armed: %d\n", timer.it_value.tv_sec != 0 || timer.it_value.tv_usec != 0);
        fflush(stdout);
        for (;;)
            pause();
    }
    timer_t id;
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGTERM };
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &id) == 0);
    struct itimerspec soon = { { 0, 0 }, { 0, 20000000 } };
    CHECK(timer_settime(id, 0, &soon, 0) == 0);
    struct itimerval timer = { { 0, 0 }, { 0, 300000 } };
    CHECK(setitimer(ITIMER_REAL, &timer, 0) == 0);
    execl("/proc/self/exe", argv[0], "again", (char *)0);
    return 1;
}
