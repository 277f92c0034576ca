// Where mappings go: fixed ones replace, fixed-noreplace ones don't, hints are taken when the place is free.
#include "mapping.h"

int main(void)
{
    unsigned char *base = pages(8);
    memset(base, 7, 8 * PAGE);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS, rw = PROT_READ | PROT_WRITE;

    CHECK(mmap(base + 2 * PAGE, 2 * PAGE, rw, flags | MAP_FIXED, -1, 0) == base + 2 * PAGE);
    printf("replaced: %d %d %d %d\n", base[2 * PAGE - 1], base[2 * PAGE], base[4 * PAGE - 1], base[4 * PAGE]);

    SHOW(mmap(base + PAGE, PAGE, rw, flags | MAP_FIXED_NOREPLACE, -1, 0));
    SHOW(mmap(base - PAGE, 2 * PAGE, rw, flags | MAP_FIXED_NOREPLACE, -1, 0));
    SHOW(mmap(base + 7 * PAGE, 2 * PAGE, rw, flags | MAP_FIXED_NOREPLACE, -1, 0));
    printf("kept: %d %d\n", base[PAGE], base[7 * PAGE]);
    CHECK(munmap(base + 5 * PAGE, PAGE) == 0);
    CHECK(mmap(base + 5 * PAGE, PAGE, rw, flags | MAP_FIXED_NOREPLACE, -1, 0) == base + 5 * PAGE);
    printf("hole filled: %d %d %d\n", base[5 * PAGE - 1], base[5 * PAGE], base[6 * PAGE]);

    /* A hint that is free is taken, rounded down to a page; one that isn't is not. */
    CHECK(munmap(base + 5 * PAGE, PAGE) == 0);
    CHECK(mmap(base + 5 * PAGE + 123, PAGE, rw, flags, -1, 0) == base + 5 * PAGE);
    void *elsewhere = mmap(base + 5 * PAGE, PAGE, rw, flags, -1, 0);
    CHECK(elsewhere != MAP_FAILED && elsewhere != base + 5 * PAGE);
    puts("hints: taken when free");
    CHECK(mmap((void *)0x200000000000, PAGE, rw, flags, -1, 0) == (void *)0x200000000000);
    puts("far hint taken");

    void *low = mmap(0, PAGE, rw, flags | MAP_32BIT, -1, 0);
    CHECK((uintptr_t)low < 0x80000000);
    puts("MAP_32BIT below 2 GiB");

    SHOW(mmap(0, 0, rw, flags, -1, 0));
    SHOW(mmap(base + 1, PAGE, rw, flags | MAP_FIXED, -1, 0));
    SHOW(mmap((void *)(0x7ffffffff000), 2 * PAGE, rw, flags | MAP_FIXED, -1, 0));
    SHOW(mmap((void *)-4096L, PAGE, rw, flags | MAP_FIXED, -1, 0));
    SHOW(mmap(0, -1UL, rw, flags, -1, 0));
    SHOW(mmap(0, 1UL << 47, rw, flags, -1, 0));
    SHOW(mmap(0, PAGE, rw, MAP_ANONYMOUS, -1, 0));
    SHOW(mmap(0, PAGE, rw, MAP_PRIVATE | MAP_SHARED | MAP_ANONYMOUS | MAP_SYNC, -1, 0));
    SHOW(mmap(0, PAGE, rw, MAP_PRIVATE, -1, 0));
    SHOW(syscall(SYS_mmap, 0L, (long)PAGE, (long)rw, (long)flags, -1L, 1L));
    SHOW(munmap(base + 1, PAGE));
    SHOW(munmap(base, 0));
    SHOW(munmap((void *)(1UL << 47), PAGE));
    SHOW(munmap(base, -1UL));
    /* Unmapping what isn't mapped is no error. */
    SHOW(munmap(base, 8 * PAGE));
    SHOW(munmap(base, 8 * PAGE));
    printf("reading what was unmapped: %s\n", reading(base));
    return 0;
}
