// What isn't touched isn't resident: gigabytes mapped cost nothing, mincore and the resident size agree.
#include "mapping.h"

static long resident_pages(void)
{
    FILE *statm = fopen("/proc/self/statm", "r");
    long size, resident;
    CHECK(statm && fscanf(statm, "%ld %ld", &size, &resident) == 2);
    fclose(statm);
    return resident;
}

int main(void)
{
    size_t size = 8UL << 30;
    unsigned char *base = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(base != MAP_FAILED);
    CHECK(madvise(base, size, MADV_NOHUGEPAGE) == 0);
    long before = resident_pages();
    for (int i = 0; i < 1000; i++)
        base[i * (size / 1000) / PAGE * PAGE] = 1;
    long after = resident_pages();
    printf("a thousand pages touched, as many resident: %s\n",
           after - before >= 900 && after - before < 2000 ? "yes" : "no");
    CHECK(munmap(base, size) == 0);
    printf("and given back: %s\n", resident_pages() - before < 500 ? "yes" : "no");

    unsigned char *few = pages(8);
    CHECK(madvise(few, 8 * PAGE, MADV_NOHUGEPAGE) == 0);
    few[PAGE] = few[4 * PAGE] = 1;
    unsigned char in_core[8];
    CHECK(mincore(few, 8 * PAGE, in_core) == 0);
    for (int i = 0; i < 8; i++)
        printf("%d", in_core[i] & 1);
    puts(" in core");
    SHOW(mincore(few + 1, PAGE, in_core));
    SHOW(mincore(few, PAGE, (void *)1));
    CHECK(munmap(few + 4 * PAGE, PAGE) == 0);
    SHOW(mincore(few, 8 * PAGE, in_core));
    return 0;
}
