// FUTEX_REQUEUE and FUTEX_CMP_REQUEUE: sleepers move to another word without waking.
#include "futex.h"

static uint32_t first, second, running;

static void *sleeper(void *argument)
{
    (void)argument;
    CHECK(futex(&first, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0) == 0);
    __atomic_add_fetch(&running, 1, __ATOMIC_SEQ_CST);
    return 0;
}

int main(void)
{
    for (int operation = 0; operation < 2; operation++) {
        pthread_t threads[8];
        running = 0;
        for (int i = 0; i < 8; i++)
            CHECK(pthread_create(&threads[i], 0, sleeper, 0) == 0);
        /* Move them over as they fall asleep. */
        int moved = 0;
        while (moved < 8) {
            long n = operation ? futex_count(&first, FUTEX_CMP_REQUEUE_PRIVATE, 0, 100, &second, 0)
                               : futex_count(&first, FUTEX_REQUEUE_PRIVATE, 0, 100, &second, 0);
            CHECK(n >= 0);
            moved += n;
            pause_ms(1);
        }
        printf("moved %d, woken %u\n", moved, running);
        CHECK(futex(&first, FUTEX_WAKE_PRIVATE, 100, 0, 0, 0) == 0);
        SHOW_VALUE(futex(&second, FUTEX_WAKE_PRIVATE, 3, 0, 0, 0));
        /* Wake two and move the rest back: the count is of both. */
        SHOW_VALUE(futex_count(&second, FUTEX_CMP_REQUEUE_PRIVATE, 2, 100, &first, 0));
        SHOW_VALUE(futex(&second, FUTEX_WAKE_PRIVATE, 100, 0, 0, 0));
        SHOW_VALUE(futex(&first, FUTEX_WAKE_PRIVATE, 100, 0, 0, 0));
        for (int i = 0; i < 8; i++)
            CHECK(pthread_join(threads[i], 0) == 0);
        printf("running %u\n", running);
    }
    SHOW(futex_count(&first, FUTEX_CMP_REQUEUE_PRIVATE, 1, 1, &second, 77));
    SHOW(futex_count(&first, FUTEX_CMP_REQUEUE_PRIVATE, 1, 1, (void *)((char *)&second + 1), 0));
    SHOW(futex_count(&first, FUTEX_CMP_REQUEUE_PRIVATE, -1, 1, &second, 0));
    SHOW(futex_count(&first, FUTEX_CMP_REQUEUE_PRIVATE, 1, (unsigned)-1, &second, 0));
    SHOW(futex_count((void *)8, FUTEX_CMP_REQUEUE_PRIVATE, 1, 1, &second, 0));
    return 0;
}
