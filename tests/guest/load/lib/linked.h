/* The body of the programs that differ in how they are linked alone. */
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include "../../check.h"

static int data = 5, zero[100000];
static const char *const pointers[] = { "relocated", "pointers" };
static __thread int thread_data = 9;
static int constructed;

__attribute__((constructor)) static void construct(void)
{
    constructed = data + 1;
}

__attribute__((destructor)) static void destruct(void)
{
    puts("destructed");
    fflush(stdout);
}

static void at_exit(void)
{
    puts("exit handler");
}

static void *run(void *argument)
{
    thread_data += 1;
    return (void *)((intptr_t)argument + thread_data);
}

int main(int argc, char **argv)
{
    CHECK(argc == 1 && argv[1] == 0);
    CHECK(atexit(at_exit) == 0);
    int sum = 0;
    for (int i = 0; i < 100000; i++)
        sum += zero[i];
    printf("data %d, zero %d, constructed %d, %s %s\n", data, sum, constructed, pointers[0], pointers[1]);
    pthread_t thread;
    void *result;
    CHECK(pthread_create(&thread, 0, run, (void *)100) == 0 && pthread_join(thread, &result) == 0);
    printf("thread storage %d and %ld\n", thread_data, (long)result);
    volatile double two = 2;
    printf("%.15f\n", two * two / 3);
    return 0;
}
