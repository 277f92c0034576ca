// SIGHUP from outside runs the program's handler.
// host-signal: HUP
// status: 5
#include <signal.h>
#include <time.h>
#include "check.h"

static volatile int got;

static void on_signal(int signal)
{
    got = signal;
}

int main(void)
{
    CHECK(signal(SIGHUP, on_signal) != SIG_ERR);
    puts("ready");
    fflush(stdout);
    while (!got) {
        /* With a limit: the signal may come between the look and the wait. */
        struct timespec time = { 0, 20000000 };
        nanosleep(&time, 0);
    }
    printf("signal %d\n", got);
    return 5;
}
