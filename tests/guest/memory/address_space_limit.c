// RLIMIT_AS and RLIMIT_DATA: mappings beyond them are ENOMEM, and malloc returns null.
#include <sys/resource.h>
#include "mapping.h"

int main(void)
{
    struct rlimit limit = { 512UL << 20, RLIM_INFINITY };
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    SHOW(mmap(0, 1UL << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    SHOW(mmap(0, 1UL << 30, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    void *fits = mmap(0, 64UL << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(fits != MAP_FAILED);
    SHOW(mremap(fits, 64UL << 20, 1UL << 30, MREMAP_MAYMOVE));
    errno = 0;
    volatile size_t gigabyte = 1UL << 30;
    void *block = malloc(gigabyte);
    printf("malloc: %s, %s\n", block ? "a block" : "null", error_name(errno));
    void *now = sbrk(0);
    SHOW(brk((char *)now + (1UL << 30)));
    int count = 0;
    while (mmap(0, 16UL << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
        count++;
    printf("ends: %s, %s\n", count > 10 && count < 32 ? "yes" : "no", error_name(errno));
    CHECK(munmap(fits, 64UL << 20) == 0);
    CHECK(mmap(0, 16UL << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
    puts("room again after munmap");
    return 0;
}
