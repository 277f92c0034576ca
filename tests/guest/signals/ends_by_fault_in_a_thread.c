// A fault in one thread ends the whole program.
// status: 139
#include <pthread.h>
#include "check.h"

static void *fault(void *argument)
{
    (void)argument;
    *(volatile char *)8 = 1;
    return 0;
}

int main(void)
{
    puts("before");
    fflush(stdout);
    pthread_t thread;
    CHECK(pthread_create(&thread, 0, fault, 0) == 0);
    for (;;)
        pause();
}
