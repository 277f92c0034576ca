// Mutex ping-pong between threads through the futex's slow path: no lost wake, no lost count.
#include <pthread.h>
#include "futex.h"

static uint32_t turn;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long counter;

static void *play(void *argument)
{
    uint32_t own = (uint32_t)(long)argument;
    for (int i = 0; i < 20000; i++) {
        uint32_t now;
        while ((now = __atomic_load_n(&turn, __ATOMIC_SEQ_CST)) != own)
            futex(&turn, FUTEX_WAIT_PRIVATE, now, 0, 0, 0);
        __atomic_store_n(&turn, !own, __ATOMIC_SEQ_CST);
        futex(&turn, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
    }
    return 0;
}

static void *count(void *argument)
{
    (void)argument;
    for (int i = 0; i < 20000; i++) {
        pthread_mutex_lock(&mutex);
        counter++;
        pthread_mutex_unlock(&mutex);
    }
    return 0;
}

int main(void)
{
    pthread_t threads[8];
    for (long i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], 0, play, (void *)i) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_join(threads[i], 0) == 0);
    puts("20000 exchanges");
    for (int i = 0; i < 8; i++)
        CHECK(pthread_create(&threads[i], 0, count, 0) == 0);
    for (int i = 0; i < 8; i++)
        CHECK(pthread_join(threads[i], 0) == 0);
    printf("counted %ld\n", counter);
    return 0;
}
