// Sixteen threads reach the same new site at once, again and again: each gets its own call's result.
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include "check.h"

enum { THREADS = 16, SITES = 200 };
static unsigned char *sites[2];
static pthread_barrier_t barrier;

static void *run(void *argument)
{
    long own = (long)argument;
    for (int kind = 0; kind < 2; kind++)
        for (int i = 0; i < SITES; i++) {
            /* In turn a call per thread that has a result of its own: dup2 of a descriptor to itself. */
            long number = own % 2 ? 33 : 1000000, result;
            pthread_barrier_wait(&barrier);
            for (int again = 0; again < 3; again++) {
                __asm__ volatile("call *%1"
                                 : "=a"(result)
                                 : "r"(sites[kind] + 16 * i), "a"(number), "D"(own % 3), "S"(own % 3)
                                 : "rcx", "r11", "memory");
                CHECK(result == (own % 2 ? own % 3 : -ENOSYS));
            }
        }
    return 0;
}

int main(void)
{
    for (int kind = 0; kind < 2; kind++) {
        int protection = PROT_READ | PROT_WRITE | (kind ? PROT_EXEC : 0);
        sites[kind] = mmap(0, 16 * SITES, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(sites[kind] != MAP_FAILED);
        for (int i = 0; i < SITES; i++)
            memcpy(sites[kind] + 16 * i, i % 2 ? "\x0f\x05\x90\x90\x90\x90\xc3" : "\x0f\x05\x48\x89\xc0\xc3\xcc", 7);
    }
    CHECK(mprotect(sites[0], 16 * SITES, PROT_READ | PROT_EXEC) == 0);
    CHECK(pthread_barrier_init(&barrier, 0, THREADS) == 0);
    pthread_t threads[THREADS];
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], 0, run, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], 0) == 0);
    puts("all calls answered");
    return 0;
}
