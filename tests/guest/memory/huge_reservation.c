// A terabyte reserved without access, and parts of it used, as garbage collectors do.
#include "mapping.h"

int main(void)
{
    size_t size = 1UL << 40;
    unsigned char *base = mmap(0, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(base != MAP_FAILED);
    printf("reserved: %s, %s\n", permissions(base), reading(base + (size >> 1)));
    for (int i = 0; i < 64; i++) {
        unsigned char *part = base + (size / 64) * i;
        CHECK(mprotect(part, 16 * PAGE, PROT_READ | PROT_WRITE) == 0);
        for (int page = 0; page < 16; page++) {
            CHECK(part[page * PAGE] == 0);
            part[page * PAGE] = i;
        }
    }
    for (int i = 0; i < 64; i++)
        CHECK(base[(size / 64) * i + 15 * PAGE] == i);
    puts("64 parts committed");
    for (int i = 0; i < 64; i++) {
        unsigned char *part = base + (size / 64) * i;
        CHECK(madvise(part, 16 * PAGE, MADV_DONTNEED) == 0);
        CHECK(part[0] == 0);
        CHECK(mmap(part, 16 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == part);
    }
    printf("given back: %s\n", reading(base));

    /* Cut to an aligned part, as allocators do. */
    size_t alignment = 1UL << 32;
    unsigned char *aligned = (unsigned char *)(((uintptr_t)base + alignment - 1) & -alignment);
    CHECK(aligned == base || munmap(base, aligned - base) == 0);
    CHECK(munmap(aligned + alignment, base + size - (aligned + alignment)) == 0);
    CHECK(mprotect(aligned, alignment, PROT_READ | PROT_WRITE) == 0);
    aligned[0] = aligned[alignment - 1] = 1;
    printf("behind it: %s\n", reading(aligned + alignment));
    CHECK(munmap(aligned, alignment) == 0);

    for (int i = 0; i < 1000; i++) {
        void *again = mmap(0, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        CHECK(again != MAP_FAILED && munmap(again, size) == 0);
    }
    puts("reserved and freed 1000 times");
    return 0;
}
