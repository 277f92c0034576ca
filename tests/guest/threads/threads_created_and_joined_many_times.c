// Five thousand threads one after the other, and as many detached ones: nothing is used up.
#include <pthread.h>
#include <semaphore.h>
#include "check.h"

static sem_t ended;

static void *run(void *argument)
{
    if (argument)
        sem_post(&ended);
    return argument;
}

int main(void)
{
    CHECK(sem_init(&ended, 0, 0) == 0);
    for (int i = 0; i < 5000; i++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, 0, run, 0) == 0 && pthread_join(thread, 0) == 0);
    }
    puts("joined");
    for (int i = 0; i < 5000; i++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, 0, run, &ended) == 0 && pthread_detach(thread) == 0);
        if (i % 50 == 49)
            for (int j = 0; j < 50; j++)
                CHECK(sem_wait(&ended) == 0);
    }
    puts("detached");
    return 0;
}
