// Endless recursion ends with SIGSEGV.
// status: 139
#include "check.h"

static __attribute__((noinline)) long recurse(long depth)
{
    volatile char frame[1000];
    frame[0] = depth;
    return recurse(depth + 1) + frame[0];
}

int main(void)
{
    puts("falling");
    fflush(stdout);
    return recurse(0);
}
