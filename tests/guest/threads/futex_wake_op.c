// FUTEX_WAKE_OP: each operation and comparison on the second word, and who wakes.
#include "futex.h"

static uint32_t first, second;

static void *sleep_on(void *argument)
{
    CHECK(futex(argument, FUTEX_WAIT_PRIVATE, *(uint32_t *)argument, 0, 0, 0) == 0);
    return 0;
}

static void wake_one(uint32_t *word)
{
    while (futex(word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0) == 0)
        pause_ms(1);
}

int main(void)
{
    static const int operations[] = { FUTEX_OP_SET, FUTEX_OP_ADD, FUTEX_OP_OR, FUTEX_OP_ANDN, FUTEX_OP_XOR };
    static const char *names[] = { "set", "add", "or", "andn", "xor" };
    for (int i = 0; i < 5; i++) {
        second = 0xc;
        long result = futex_count(&first, FUTEX_WAKE_OP_PRIVATE, 1, 1, &second, FUTEX_OP(operations[i], 6, FUTEX_OP_CMP_EQ, 0));
        printf("%s: %ld, %#x\n", names[i], result, second);
        second = 0xc;
        result = futex_count(&first, FUTEX_WAKE_OP_PRIVATE, 1, 1, &second,
                             FUTEX_OP((operations[i] | FUTEX_OP_OPARG_SHIFT), 4, FUTEX_OP_CMP_EQ, 0));
        printf("%s of a bit: %ld, %#x\n", names[i], result, second);
    }
    second = 5;
    SHOW(futex_count(&first, FUTEX_WAKE_OP_PRIVATE, 1, 1, &second, FUTEX_OP(FUTEX_OP_ADD, -1, FUTEX_OP_CMP_EQ, 0)));
    printf("signed operand: %u\n", second);
    SHOW(futex_count(&first, FUTEX_WAKE_OP_PRIVATE, 1, 1, &second, FUTEX_OP(6, 1, FUTEX_OP_CMP_EQ, 0)));
    SHOW(futex_count(&first, FUTEX_WAKE_OP_PRIVATE, 1, 1, &second, FUTEX_OP(FUTEX_OP_SET, 1, 7, 0)));
    SHOW(futex_count(&first, FUTEX_WAKE_OP_PRIVATE, 1, 1, (void *)8, FUTEX_OP(FUTEX_OP_SET, 1, FUTEX_OP_CMP_EQ, 0)));

    /* Comparisons decide whether the second word's sleepers wake. */
    static const int comparisons[] = { FUTEX_OP_CMP_EQ, FUTEX_OP_CMP_NE, FUTEX_OP_CMP_LT,
                                       FUTEX_OP_CMP_LE, FUTEX_OP_CMP_GT, FUTEX_OP_CMP_GE };
    for (int value = 4; value <= 6; value++)
        for (int i = 0; i < 6; i++) {
            second = value;
            pthread_t thread;
            CHECK(pthread_create(&thread, 0, sleep_on, &second) == 0);
            /* Whether it sleeps yet can only be seen by moving it: to itself is not possible, so to `first` and back. */
            while (futex_count(&second, FUTEX_REQUEUE_PRIVATE, 0, 1, &first, 0) == 0)
                pause_ms(1);
            CHECK(futex_count(&first, FUTEX_REQUEUE_PRIVATE, 0, 1, &second, 0) == 1);
            long result = futex_count(&first, FUTEX_WAKE_OP_PRIVATE, 1, 1, &second, FUTEX_OP(FUTEX_OP_ADD, 0, comparisons[i], 5));
            printf("%ld%s", result, i == 5 ? "\n" : " ");
            if (result == 0)
                wake_one(&second);
            CHECK(pthread_join(thread, 0) == 0);
        }
    return 0;
}
