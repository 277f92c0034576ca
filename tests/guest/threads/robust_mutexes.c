// A thread that ends with a robust mutex leaves it to the next one with EOWNERDEAD; and the list's own calls.
#include "futex.h"

static pthread_mutex_t mutex;

static void *die_with_it(void *argument)
{
    (void)argument;
    CHECK(pthread_mutex_lock(&mutex) == 0);
    return 0;
}

static void *wait_for_it(void *argument)
{
    (void)argument;
    int error = pthread_mutex_lock(&mutex);
    printf("the waiter got %s\n", error_name(error));
    if (error == EOWNERDEAD)
        CHECK(pthread_mutex_consistent(&mutex) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    return 0;
}

static void *hold_then_die(void *argument)
{
    (void)argument;
    CHECK(pthread_mutex_lock(&mutex) == 0);
    pthread_t *waiter = argument;
    CHECK(pthread_create(waiter, 0, wait_for_it, 0) == 0);
    pause_ms(20);
    return 0;
}

int main(void)
{
    for (int protocol = 0; protocol < 2; protocol++) {
        pthread_mutexattr_t attribute;
        CHECK(pthread_mutexattr_init(&attribute) == 0);
        CHECK(pthread_mutexattr_setrobust(&attribute, PTHREAD_MUTEX_ROBUST) == 0);
        CHECK(pthread_mutexattr_setprotocol(&attribute, protocol ? PTHREAD_PRIO_INHERIT : PTHREAD_PRIO_NONE) == 0);
        CHECK(pthread_mutex_init(&mutex, &attribute) == 0);
        pthread_t thread, waiter;
        CHECK(pthread_create(&thread, 0, die_with_it, 0) == 0 && pthread_join(thread, 0) == 0);
        printf("lock: %s\n", error_name(pthread_mutex_lock(&mutex)));
        printf("consistent: %s\n", error_name(pthread_mutex_consistent(&mutex)));
        printf("unlock: %s\n", error_name(pthread_mutex_unlock(&mutex)));
        printf("lock again: %s\n", error_name(pthread_mutex_lock(&mutex)));
        printf("unlock: %s\n", error_name(pthread_mutex_unlock(&mutex)));

        CHECK(pthread_create(&thread, 0, hold_then_die, &waiter) == 0 && pthread_join(thread, 0) == 0);
        CHECK(pthread_join(waiter, 0) == 0);

        CHECK(pthread_create(&thread, 0, die_with_it, 0) == 0 && pthread_join(thread, 0) == 0);
        printf("lock: %s\n", error_name(pthread_mutex_lock(&mutex)));
        printf("unlock without making consistent: %s\n", error_name(pthread_mutex_unlock(&mutex)));
        printf("lock: %s\n", error_name(pthread_mutex_lock(&mutex)));
    }
    struct robust_list_head *head, own = { { &own.list }, 0, 0 };
    size_t length;
    SHOW(syscall(SYS_get_robust_list, 0, &head, &length));
    printf("length %zu\n", length);
    SHOW(syscall(SYS_set_robust_list, &own, sizeof own - 1));
    SHOW(syscall(SYS_get_robust_list, 0, (void *)8, &length));
    SHOW(syscall(SYS_get_robust_list, 0x7ffffff, &head, &length));
    return 0;
}
