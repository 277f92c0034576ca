// The main thread ends by the bare system call; the status is that of the last thread to end (since Linux 5.17).
// status: 9
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include "check.h"

static void *run(void *argument)
{
    (void)argument;
    struct timespec time = { 0, 30000000 };
    nanosleep(&time, 0);
    write(1, "last\n", 5);
    syscall(SYS_exit, 9);
    return 0;
}

int main(void)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, 0, run, 0) == 0);
    syscall(SYS_exit, 3);
    return 0;
}
