/* Raw futex calls. */
#pragma once
#include <linux/futex.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include "check.h"

static inline long futex(uint32_t *word, int operation, uint32_t value, const struct timespec *timeout, uint32_t *second,
                         uint32_t third)
{
    return syscall(SYS_futex, word, operation, value, timeout, second, third);
}

/* The same with a count where the timeout would be. */
static inline long futex_count(uint32_t *word, int operation, uint32_t value, unsigned long count, uint32_t *second,
                               uint32_t third)
{
    return syscall(SYS_futex, word, operation, value, count, second, third);
}

/* The time `ms` milliseconds from now. */
static inline struct timespec from_now(clockid_t clock, long ms)
{
    struct timespec time;
    CHECK(clock_gettime(clock, &time) == 0);
    time.tv_nsec += ms * 1000000;
    time.tv_sec += time.tv_nsec / 1000000000;
    time.tv_nsec %= 1000000000;
    return time;
}


static inline void pause_ms(long ms)
{
    struct timespec time = { ms / 1000, ms % 1000 * 1000000 };
    nanosleep(&time, 0);
}
