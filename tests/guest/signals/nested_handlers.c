// Handlers interrupted by other signals, deep nesting, jumps out of handlers, and signals to one thread.
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include "check.h"

static volatile int depth, deepest, usr2;
static sigjmp_buf back;
static __thread volatile int own;

static void nest(int signal)
{
    depth++;
    if (depth > deepest)
        deepest = depth;
    if (depth < 50)
        raise(signal);
    depth--;
}

static void outer(int signal)
{
    (void)signal;
    printf("outer begins\n");
    raise(SIGUSR2);
    printf("outer ends, inner ran %d\n", usr2);
}

static void inner(int signal)
{
    (void)signal;
    usr2++;
}

static void jump(int signal)
{
    siglongjmp(back, signal);
}

static void mark(int signal)
{
    (void)signal;
    own = 1;
}

static void *wait_for_mark(void *argument)
{
    pthread_barrier_wait(argument);
    while (!own)
        sched_yield();
    return 0;
}

int main(void)
{
    struct sigaction action = { .sa_handler = nest, .sa_flags = SA_NODEFER };
    CHECK(sigaction(SIGUSR1, &action, 0) == 0);
    raise(SIGUSR1);
    printf("deepest %d\n", deepest);
    action.sa_flags = 0;
    action.sa_handler = outer;
    CHECK(sigaction(SIGUSR1, &action, 0) == 0);
    action.sa_handler = inner;
    CHECK(sigaction(SIGUSR2, &action, 0) == 0);
    raise(SIGUSR1);

    action.sa_handler = jump;
    CHECK(sigaction(SIGUSR1, &action, 0) == 0);
    volatile int jumps = 0;
    for (volatile int i = 0; i < 1000; i++) {
        if (sigsetjmp(back, 1) == 0)
            raise(SIGUSR1);
        else
            jumps++;
    }
    printf("jumped out %d times\n", jumps);
    volatile int faults = 0;
    CHECK(sigaction(SIGSEGV, &action, 0) == 0);
    for (volatile int i = 0; i < 1000; i++) {
        if (sigsetjmp(back, 1) == 0)
            *(volatile char *)8 = 1;
        else
            faults++;
    }
    printf("faulted %d times\n", faults);

    action.sa_handler = mark;
    CHECK(sigaction(SIGUSR1, &action, 0) == 0);
    pthread_barrier_t barrier;
    CHECK(pthread_barrier_init(&barrier, 0, 9) == 0);
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        CHECK(pthread_create(&threads[i], 0, wait_for_mark, &barrier) == 0);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < 8; i++)
        CHECK(pthread_kill(threads[i], SIGUSR1) == 0);
    for (int i = 0; i < 8; i++)
        CHECK(pthread_join(threads[i], 0) == 0);
    printf("each thread its own, this one none: %d\n", own);
    return 0;
}
