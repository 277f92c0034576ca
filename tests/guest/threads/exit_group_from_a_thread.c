// A thread calls exit while others sleep, spin and wait: all end, with its status.
// status: 42
#include <pthread.h>
#include <unistd.h>
#include "check.h"

static pthread_barrier_t barrier;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *run(void *argument)
{
    long kind = (long)argument;
    pthread_barrier_wait(&barrier);
    switch (kind % 4) {
    case 0:
        for (;;)
            pause();
    case 1:
        for (volatile long i = 0;; i++)
            ;
    case 2:
        pthread_mutex_lock(&mutex);
        break;
    default:
        for (;;)
            getppid();
    }
    return 0;
}

static void *end(void *argument)
{
    (void)argument;
    pthread_barrier_wait(&barrier);
    puts("ending");
    exit(42);
}

int main(void)
{
    pthread_mutex_lock(&mutex);
    CHECK(pthread_barrier_init(&barrier, 0, 18) == 0);
    pthread_t thread;
    for (long i = 0; i < 16; i++)
        CHECK(pthread_create(&thread, 0, run, (void *)i) == 0);
    CHECK(pthread_create(&thread, 0, end, 0) == 0);
    pthread_barrier_wait(&barrier);
    pthread_mutex_lock(&mutex);
    return 1;
}
