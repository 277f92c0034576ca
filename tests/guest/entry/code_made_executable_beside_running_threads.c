// While threads make system calls all the time, one more makes pages executable, runs them and drops them.
#include <dlfcn.h>
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>
#include "check.h"

static volatile int stop;
static long failures;

static void *call(void *argument)
{
    long own = getpid();
    struct timespec time;
    while (!stop) {
        if (getpid() != own || close(-1) != -1 || clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) != 0)
            __atomic_add_fetch(&failures, 1, __ATOMIC_SEQ_CST);
        if (argument)
            sched_yield();
    }
    return 0;
}

int main(void)
{
    pthread_t threads[6];
    for (long i = 0; i < 6; i++)
        CHECK(pthread_create(&threads[i], 0, call, (void *)(i % 2)) == 0);
    for (int round = 0; round < 500; round++) {
        unsigned char *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(page != MAP_FAILED);
        for (int i = 0; i < 100; i++)
            memcpy(page + 16 * i, "\xb8\x27\x00\x00\x00\x0f\x05\x90\x90\x90\x90\xc3", 12);
        CHECK(mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0);
        for (int i = 0; i < 100; i++)
            CHECK(((long (*)(void))(page + 16 * i))() == getpid());
        CHECK(munmap(page, 4096) == 0);
        if (round % 25 == 0) {
            void *library = dlopen("libm.so.6", RTLD_NOW | RTLD_LOCAL);
            CHECK(library && dlsym(library, "cos") && dlclose(library) == 0);
        }
    }
    stop = 1;
    for (int i = 0; i < 6; i++)
        CHECK(pthread_join(threads[i], 0) == 0);
    printf("failures: %ld\n", failures);
    return 0;
}
