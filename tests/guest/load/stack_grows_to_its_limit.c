// The main stack grows by itself to nearly its limit of 8 MiB, in small and large steps.
#include <sys/resource.h>
#include "check.h"

static __attribute__((noinline)) long recurse(int depth)
{
    volatile char frame[4000];
    frame[0] = frame[3999] = depth;
    return depth == 0 ? 0 : recurse(depth - 1) + (frame[0] == (char)depth);
}

static __attribute__((noinline)) int large_frame(void)
{
    volatile char frame[7 << 20];
    frame[0] = 1;
    frame[sizeof frame - 1] = 2;
    return frame[0] + frame[sizeof frame - 1] + frame[sizeof frame / 2] * 0;
}

int main(void)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_STACK, &limit) == 0);
    printf("limit %lu\n", (unsigned long)limit.rlim_cur);
    printf("%d\n", large_frame());
    printf("%ld deep\n", recurse(1800));
    return 0;
}
