// getrlimit, setrlimit and prlimit64: what was set is read, and hard limits hold.
#include <sys/resource.h>
#include <sys/syscall.h>
#include "check.h"

int main(void)
{
    struct rlimit limit;
    for (int i = 0; i < 16; i++)
        CHECK(getrlimit(i, &limit) == 0 && limit.rlim_cur <= limit.rlim_max);
    SHOW(getrlimit(16, &limit));
    SHOW(getrlimit(-1, &limit));
    CHECK(getrlimit(RLIMIT_STACK, &limit) == 0);
    printf("stack %lu\n", limit.rlim_cur);

    static const int adjustable[] = { RLIMIT_CORE, RLIMIT_NOFILE, RLIMIT_CPU, RLIMIT_NPROC };
    for (int i = 0; i < 4; i++) {
        struct rlimit set = { 100, 200 }, got;
        SHOW(setrlimit(adjustable[i], &set));
        CHECK(getrlimit(adjustable[i], &got) == 0);
        printf("%lu %lu\n", got.rlim_cur, got.rlim_max);
        set.rlim_cur = 201;
        SHOW(setrlimit(adjustable[i], &set));
        set.rlim_cur = 0;
        struct rlimit old;
        SHOW(prlimit(0, adjustable[i], adjustable[i] == RLIMIT_CPU ? 0 : &set, &old));
        printf("old %lu %lu\n", old.rlim_cur, old.rlim_max);
    }
    SHOW(prlimit(getpid(), RLIMIT_STACK, 0, &limit));
    SHOW(prlimit(0x7ffffff, RLIMIT_STACK, 0, &limit));
    SHOW(prlimit(0, 99, 0, &limit));
    SHOW(prlimit(0, RLIMIT_STACK, (void *)8, 0));
    SHOW(prlimit(0, RLIMIT_STACK, 0, (void *)8));
    return 0;
}
