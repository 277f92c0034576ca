/* Cancelled threads: the body of the programs that differ in their C library alone. */
#include <pthread.h>
#include <semaphore.h>
#include "../../check.h"

static sem_t started;
static int cleaned;

static void clean(void *argument)
{
    cleaned += (int)(long)argument;
}

static void *wait_deferred(void *argument)
{
    pthread_cleanup_push(clean, argument);
    sem_post(&started);
    for (;;)
        pause();
    pthread_cleanup_pop(0);
    return 0;
}

static void *spin_asynchronous(void *argument)
{
    pthread_cleanup_push(clean, argument);
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, 0);
    sem_post(&started);
    for (volatile long i = 0;; i++)
        ;
    pthread_cleanup_pop(0);
    return 0;
}

static void *read_nothing(void *argument)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    pthread_cleanup_push(clean, argument);
    sem_post(&started);
    char byte;
    (void)!read(ends[0], &byte, 1);
    pthread_cleanup_pop(0);
    return 0;
}

int main(void)
{
    void *(*const kinds[])(void *) = { wait_deferred, spin_asynchronous, read_nothing };
    CHECK(sem_init(&started, 0, 0) == 0);
    for (long i = 0; i < 3; i++) {
        pthread_t thread;
        void *result;
        CHECK(pthread_create(&thread, 0, kinds[i], (void *)(1L << i)) == 0);
        CHECK(sem_wait(&started) == 0);
        CHECK(pthread_cancel(thread) == 0);
        CHECK(pthread_join(thread, &result) == 0);
        printf("canceled: %d, cleaned %d\n", result == PTHREAD_CANCELED, cleaned);
    }
    return 0;
}
