// FUTEX_WAIT and FUTEX_WAKE: values, counts, timeouts relative and absolute, errors.
#include "futex.h"

static uint32_t word, ready, woken;

static void *wait_on_word(void *argument)
{
    (void)argument;
    __atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&word, __ATOMIC_SEQ_CST) == 0)
        futex(&word, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0);
    __atomic_add_fetch(&woken, 1, __ATOMIC_SEQ_CST);
    return 0;
}

static void *sleep_until_woken(void *argument)
{
    uint32_t *result = argument;
    __atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
    *result = futex(&word, FUTEX_WAIT, 0, 0, 0, 0) == 0;
    return 0;
}

int main(void)
{
    pthread_t threads[10];
    uint32_t results[10] = { 0 };
    for (int i = 0; i < 10; i++)
        CHECK(pthread_create(&threads[i], 0, wait_on_word, 0) == 0);
    while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) < 10)
        sched_yield();
    __atomic_store_n(&word, 1, __ATOMIC_SEQ_CST);
    futex(&word, FUTEX_WAKE_PRIVATE, 1000, 0, 0, 0);
    for (int i = 0; i < 10; i++)
        CHECK(pthread_join(threads[i], 0) == 0);
    printf("all %u woken\n", woken);

    /* Each wake of one wakes exactly one: all sleepers are counted out. */
    word = ready = 0;
    for (int i = 0; i < 10; i++)
        CHECK(pthread_create(&threads[i], 0, sleep_until_woken, &results[i]) == 0);
    int counted = 0;
    while (counted < 10) {
        long n = futex(&word, FUTEX_WAKE, 3, 0, 0, 0);
        CHECK(n >= 0 && n <= 3);
        counted += n;
        pause_ms(1);
    }
    for (int i = 0; i < 10; i++) {
        CHECK(pthread_join(threads[i], 0) == 0);
        CHECK(results[i] == 1);
    }
    puts("ten sleepers, ten wakes");

    struct timespec time = { 0, 1000000 };
    SHOW(futex(&word, FUTEX_WAIT, 1, 0, 0, 0));
    SHOW(futex(&word, FUTEX_WAIT_PRIVATE, 0, &time, 0, 0));
    time = from_now(CLOCK_MONOTONIC, 5);
    SHOW(futex(&word, FUTEX_WAIT_BITSET, 0, &time, 0, FUTEX_BITSET_MATCH_ANY));
    time = from_now(CLOCK_REALTIME, 5);
    SHOW(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &time, 0, FUTEX_BITSET_MATCH_ANY));
    time = (struct timespec){ 0, 0 };
    SHOW(futex(&word, FUTEX_WAIT, 0, &time, 0, 0));
    SHOW(futex(&word, FUTEX_WAIT_BITSET, 0, &time, 0, 1));
    time = (struct timespec){ 0, 1000000000 };
    SHOW(futex(&word, FUTEX_WAIT, 0, &time, 0, 0));
    time = (struct timespec){ -1, 0 };
    SHOW(futex(&word, FUTEX_WAIT, 0, &time, 0, 0));
    SHOW(futex(&word, FUTEX_WAIT, 0, (void *)1, 0, 0));
    SHOW(futex(&word, FUTEX_WAIT_BITSET, 0, 0, 0, 0));
    SHOW(futex(&word, FUTEX_WAKE_BITSET, 1, 0, 0, 0));
    SHOW(futex((void *)((char *)&word + 1), FUTEX_WAIT, 0, 0, 0, 0));
    SHOW(futex((void *)((char *)&word + 1), FUTEX_WAKE, 1, 0, 0, 0));
    SHOW(futex((void *)8, FUTEX_WAIT, 0, 0, 0, 0));
    SHOW(futex((void *)8, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0));
    SHOW(futex((void *)8, FUTEX_WAKE, 1, 0, 0, 0));
    SHOW(futex(&word, 99, 0, 0, 0, 0));
    SHOW(futex(&word, FUTEX_FD, 0, 0, 0, 0));
    SHOW(futex(&word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 0, 0, 0, 0));
    SHOW_VALUE(futex(&word, FUTEX_WAKE, 10, 0, 0, 0));
    SHOW_VALUE(futex(&word, FUTEX_WAKE, 0, 0, 0, 0));
    return 0;
}
