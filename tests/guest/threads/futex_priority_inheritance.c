// FUTEX_LOCK_PI and its kin: ownership by thread id, deadlock, time-outs, requeueing through a condition variable.
#include <pthread.h>
#include "futex.h"

static uint32_t lock;
static long counter;

static void *locker(void *argument)
{
    (void)argument;
    uint32_t tid = gettid();
    for (int i = 0; i < 300; i++) {
        uint32_t free = 0;
        if (!__atomic_compare_exchange_n(&lock, &free, tid, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            CHECK(futex(&lock, FUTEX_LOCK_PI_PRIVATE, 0, 0, 0, 0) == 0);
        CHECK((__atomic_load_n(&lock, __ATOMIC_SEQ_CST) & FUTEX_TID_MASK) == tid);
        counter++;
        free = tid;
        if (!__atomic_compare_exchange_n(&lock, &free, 0, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            CHECK(futex(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, 0, 0, 0) == 0);
    }
    return 0;
}

static void *try_locked(void *argument)
{
    (void)argument;
    SHOW(futex(&lock, FUTEX_TRYLOCK_PI_PRIVATE, 0, 0, 0, 0));
    SHOW(futex(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, 0, 0, 0));
    struct timespec time = from_now(CLOCK_REALTIME, 10);
    SHOW(futex(&lock, FUTEX_LOCK_PI_PRIVATE, 0, &time, 0, 0));
    return 0;
}

static pthread_mutex_t mutex;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int turn;

static void *take_turns(void *argument)
{
    long own = (long)argument;
    CHECK(pthread_mutex_lock(&mutex) == 0);
    for (int i = 0; i < 100; i++) {
        while (turn % 4 != own)
            CHECK(pthread_cond_wait(&condition, &mutex) == 0);
        turn++;
        CHECK(pthread_cond_broadcast(&condition) == 0);
    }
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    return 0;
}

int main(void)
{
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        CHECK(pthread_create(&threads[i], 0, locker, 0) == 0);
    for (int i = 0; i < 8; i++)
        CHECK(pthread_join(threads[i], 0) == 0);
    printf("counted to %ld, lock %u\n", counter, lock);

    SHOW(futex(&lock, FUTEX_LOCK_PI_PRIVATE, 0, 0, 0, 0));
    printf("owned: %d\n", lock == (uint32_t)gettid());
    SHOW(futex(&lock, FUTEX_LOCK_PI_PRIVATE, 0, 0, 0, 0));
    CHECK(pthread_create(&threads[0], 0, try_locked, 0) == 0);
    CHECK(pthread_join(threads[0], 0) == 0);
    SHOW(futex(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, 0, 0, 0));
    printf("free: %d\n", (lock & FUTEX_TID_MASK) == 0);
    lock = 0;
    SHOW(futex(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, 0, 0, 0));
    SHOW(futex(&lock, FUTEX_TRYLOCK_PI_PRIVATE, 0, 0, 0, 0));
    SHOW(futex(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, 0, 0, 0));
    lock = 0x3ffffff0; /* a thread that can't exist */
    SHOW(futex(&lock, FUTEX_LOCK_PI_PRIVATE, 0, 0, 0, 0));

    pthread_mutexattr_t attribute;
    CHECK(pthread_mutexattr_init(&attribute) == 0);
    CHECK(pthread_mutexattr_setprotocol(&attribute, PTHREAD_PRIO_INHERIT) == 0);
    CHECK(pthread_mutexattr_settype(&attribute, PTHREAD_MUTEX_ERRORCHECK) == 0);
    CHECK(pthread_mutex_init(&mutex, &attribute) == 0);
    for (long i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], 0, take_turns, (void *)i) == 0);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_join(threads[i], 0) == 0);
    printf("turns: %d\n", turn);
    return 0;
}
