// Unmapping or protecting the middle of a mapping leaves its ends as they are, and the map agrees.
#include "mapping.h"

static void show(unsigned char *base, int count)
{
    for (int i = 0; i < count; i++)
        printf("%s%s", i ? " " : "", permissions(base + i * PAGE));
    puts("");
}

int main(void)
{
    unsigned char *base = pages(9);
    CHECK(munmap(base + 8 * PAGE, PAGE) == 0);
    for (int i = 0; i < 8; i++)
        base[i * PAGE] = i + 1;
    show(base, 9);
    CHECK(munmap(base + 3 * PAGE, 2 * PAGE) == 0);
    show(base, 9);
    CHECK(mprotect(base + PAGE, PAGE, PROT_READ) == 0);
    CHECK(mprotect(base + 6 * PAGE, 2 * PAGE, PROT_NONE) == 0);
    show(base, 9);
    printf("%s; %s; %s; %s\n", writing(base), writing(base + PAGE), reading(base + 3 * PAGE), reading(base + 6 * PAGE));
    printf("%d %d %d\n", base[0], base[PAGE], base[5 * PAGE]);

    /* mprotect over a hole changes what lies before it and then fails. */
    SHOW(mprotect(base, 8 * PAGE, PROT_READ));
    show(base, 9);
    SHOW(mprotect(base + 5 * PAGE, 3 * PAGE, PROT_READ | PROT_WRITE));
    printf("%d %d %d\n", base[5 * PAGE], base[6 * PAGE], base[7 * PAGE]);
    SHOW(mprotect(base + 1, PAGE, PROT_READ));
    SHOW(mprotect(base, 0, PROT_READ));
    SHOW(mprotect(base, PAGE, 0x100));
    SHOW(mprotect(base, PAGE, PROT_READ | PROT_GROWSDOWN));
    SHOW(mprotect(base, PAGE, PROT_GROWSDOWN | PROT_GROWSUP));
    SHOW(mprotect((void *)(1UL << 47), PAGE, PROT_READ));

    /* A single unmap over several mappings and holes. */
    CHECK(munmap(base, 8 * PAGE) == 0);
    show(base, 9);
    return 0;
}
