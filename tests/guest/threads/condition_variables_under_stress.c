// Producers and consumers over a small queue, with signals, broadcasts and timed waits: everything arrives once.
#include <pthread.h>
#include <time.h>
#include "check.h"

enum { PRODUCERS = 6, CONSUMERS = 6, EACH = 5000, ROOM = 8 };
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER, not_full = PTHREAD_COND_INITIALIZER;
static int queue[ROOM], length, finished;
static char seen[PRODUCERS * EACH];

static void *produce(void *argument)
{
    for (int i = 0; i < EACH; i++) {
        pthread_mutex_lock(&mutex);
        while (length == ROOM)
            pthread_cond_wait(&not_full, &mutex);
        queue[length++] = (int)(long)argument * EACH + i;
        pthread_cond_signal(&not_empty);
        pthread_mutex_unlock(&mutex);
    }
    return 0;
}

static void *consume(void *argument)
{
    (void)argument;
    for (;;) {
        pthread_mutex_lock(&mutex);
        while (length == 0 && !finished) {
            struct timespec time;
            clock_gettime(CLOCK_REALTIME, &time);
            time.tv_sec += 30;
            pthread_cond_timedwait(&not_empty, &mutex, &time);
        }
        if (length == 0) {
            pthread_mutex_unlock(&mutex);
            return 0;
        }
        CHECK(seen[queue[--length]]++ == 0);
        pthread_cond_broadcast(&not_full);
        pthread_mutex_unlock(&mutex);
    }
}

int main(void)
{
    pthread_t producers[PRODUCERS], consumers[CONSUMERS];
    for (long i = 0; i < PRODUCERS; i++)
        CHECK(pthread_create(&producers[i], 0, produce, (void *)i) == 0);
    for (int i = 0; i < CONSUMERS; i++)
        CHECK(pthread_create(&consumers[i], 0, consume, 0) == 0);
    for (int i = 0; i < PRODUCERS; i++)
        CHECK(pthread_join(producers[i], 0) == 0);
    pthread_mutex_lock(&mutex);
    finished = 1;
    pthread_cond_broadcast(&not_empty);
    pthread_mutex_unlock(&mutex);
    for (int i = 0; i < CONSUMERS; i++)
        CHECK(pthread_join(consumers[i], 0) == 0);
    for (int i = 0; i < PRODUCERS * EACH; i++)
        CHECK(seen[i] == 1);
    puts("everything arrived once");
    return 0;
}
