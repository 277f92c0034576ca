// Segments with large alignment, a bss much larger than the file, and data that starts within a page.
// build: -Wl,-z,max-page-size=0x200000
#include <stdint.h>
#include "check.h"

static char large[256 << 20];
static int initialised = 12;
static const char aligned[4096] __attribute__((aligned(4096))) = "aligned";

int main(void)
{
    CHECK((uintptr_t)aligned % 4096 == 0);
    large[0] = large[sizeof large - 1] = 1;
    long sum = 0;
    for (size_t i = 0; i < sizeof large; i += 1 << 20)
        sum += large[i];
    printf("%d %ld %s\n", initialised, sum, aligned);
    return 0;
}
