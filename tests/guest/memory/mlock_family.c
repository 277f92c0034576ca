// mlock and its kin, within the limit that applies.
#include <sys/resource.h>
#include "mapping.h"

int main(void)
{
    unsigned char *a = pages(4);
    SHOW(mlock(a, 4 * PAGE));
    SHOW(mlock(a + 100, 1));
    SHOW(munlock(a, 4 * PAGE));
    SHOW(mlock2(a, PAGE, MLOCK_ONFAULT));
    SHOW(mlock2(a, PAGE, 0x100));
    SHOW(mlockall(0));
    SHOW(mlockall(0x100));
    SHOW(mlockall(MCL_ONFAULT));
    SHOW(munlockall());
    CHECK(munmap(a + PAGE, PAGE) == 0);
    SHOW(mlock(a, 4 * PAGE));
    SHOW(munlock(a, 4 * PAGE));
    SHOW(mmap(0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0));
    return 0;
}
