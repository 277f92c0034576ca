// A signal's handler interrupts a futex wait, or lets it go on: by SA_RESTART, and by whether there is a timeout.
#include <signal.h>
#include "futex.h"

static uint32_t word, finished;
static volatile int handled;
static const char *volatile outcome;

static void on_signal(int signal)
{
    (void)signal;
    handled++;
}

static void *wait_forever(void *timeout)
{
    errno = 0;
    long result = futex(&word, FUTEX_WAIT_PRIVATE, 0, timeout, 0, 0);
    outcome = result == 0 ? "woken" : error_name(errno);
    __atomic_store_n(&finished, 1, __ATOMIC_SEQ_CST);
    return 0;
}

int main(void)
{
    static struct timespec long_time = { 50, 0 };
    for (int restart = 0; restart < 2; restart++)
        for (int timed = 0; timed < 2; timed++) {
            struct sigaction action = { .sa_handler = on_signal, .sa_flags = restart ? SA_RESTART : 0 };
            CHECK(sigaction(SIGUSR1, &action, 0) == 0);
            finished = handled = 0;
            pthread_t thread;
            CHECK(pthread_create(&thread, 0, wait_forever, timed ? &long_time : 0) == 0);
            /* Until a signal ended the wait, or enough came that one would have. */
            for (int i = 0; i < 200 && !__atomic_load_n(&finished, __ATOMIC_SEQ_CST); i++) {
                int before = handled;
                CHECK(pthread_kill(thread, SIGUSR1) == 0);
                while (handled == before && !__atomic_load_n(&finished, __ATOMIC_SEQ_CST))
                    sched_yield();
                pause_ms(restart && !timed ? 1 : 5);
            }
            while (!__atomic_load_n(&finished, __ATOMIC_SEQ_CST))
                if (futex(&word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0) == 0)
                    pause_ms(1);
            CHECK(pthread_join(thread, 0) == 0);
            printf("restart %d, timeout %d: %s\n", restart, timed, outcome);
        }
    return 0;
}
