// A gigabyte mapped, touched and unmapped, several times.
#include "mapping.h"

int main(void)
{
    size_t size = 1UL << 30;
    for (int round = 0; round < 2; round++) {
        unsigned char *base = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(base != MAP_FAILED);
        for (size_t i = 0; i < size; i += PAGE) {
            CHECK(base[i] == 0);
            base[i] = 1;
        }
        CHECK(munmap(base, size) == 0);
    }
    puts("touched");
    return 0;
}
