// SIGTERM from outside ends a program without a handler, whatever it is doing.
// host-signal: TERM
// status: 143
#include <pthread.h>
#include "check.h"

static void *spin(void *argument)
{
    for (volatile long i = 0;; i++)
        ;
    return argument;
}

int main(void)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, 0, spin, 0) == 0);
    puts("ready");
    fflush(stdout);
    for (;;)
        pause();
}
