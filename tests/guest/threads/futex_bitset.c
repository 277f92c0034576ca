// FUTEX_WAIT_BITSET and FUTEX_WAKE_BITSET: a wake reaches those alone whose bits it names.
#include "futex.h"

static uint32_t word, done[4];

static void *sleeper(void *argument)
{
    long bit = (long)argument;
    CHECK(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, 0, 0, 1u << bit) == 0);
    __atomic_store_n(&done[bit], 1, __ATOMIC_SEQ_CST);
    return 0;
}

int main(void)
{
    pthread_t threads[4];
    for (long i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], 0, sleeper, (void *)i) == 0);
    CHECK(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 100, 0, 0, 0x80) == 0);
    static const uint32_t order[] = { 2, 0, 3, 1 };
    for (int i = 0; i < 4; i++) {
        /* The one asked for may not sleep yet; nobody else may wake. */
        while (futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 100, 0, 0, 1u << order[i]) == 0)
            pause_ms(1);
        CHECK(pthread_join(threads[order[i]], 0) == 0);
        printf("woken: %u%u%u%u\n", done[0], done[1], done[2], done[3]);
    }
    return 0;
}
