// A thousand threads exist at once, each with work; three times over.
#include <pthread.h>
#include "check.h"

enum { THREADS = 1000 };
static pthread_barrier_t barrier;
static long total;

static void *run(void *argument)
{
    pthread_barrier_wait(&barrier);
    char *block = malloc(1000);
    CHECK(block);
    memset(block, 1, 1000);
    __atomic_add_fetch(&total, (long)argument, __ATOMIC_SEQ_CST);
    free(block);
    pthread_barrier_wait(&barrier);
    return 0;
}

int main(void)
{
    pthread_attr_t attribute;
    CHECK(pthread_attr_init(&attribute) == 0 && pthread_attr_setstacksize(&attribute, 128 << 10) == 0);
    for (int round = 0; round < 3; round++) {
        static pthread_t threads[THREADS];
        total = 0;
        CHECK(pthread_barrier_init(&barrier, 0, THREADS + 1) == 0);
        /* One round with stacks of the usual size. */
        for (long i = 0; i < THREADS; i++)
            CHECK(pthread_create(&threads[i], round ? &attribute : 0, run, (void *)i) == 0);
        pthread_barrier_wait(&barrier);
        pthread_barrier_wait(&barrier);
        for (int i = 0; i < THREADS; i++)
            CHECK(pthread_join(threads[i], 0) == 0);
        printf("total %ld\n", total);
    }
    return 0;
}
