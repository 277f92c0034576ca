// madvise: DONTNEED really throws away, file mappings come back from the file, unknown advice is refused.
#include "mapping.h"

int main(void)
{
    unsigned char *a = pages(4);
    memset(a, 1, 4 * PAGE);
    CHECK(madvise(a + PAGE, 2 * PAGE, MADV_DONTNEED) == 0);
    printf("anonymous: %d %d %d %d\n", a[0], a[PAGE], a[3 * PAGE - 1], a[3 * PAGE]);
    a[PAGE] = 5;
    printf("usable after: %d\n", a[PAGE]);

    int file = make_file(4 * PAGE);
    unsigned char *f = mmap(0, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    CHECK(f != MAP_FAILED);
    memset(f, 99, 4 * PAGE);
    CHECK(madvise(f, 2 * PAGE, MADV_DONTNEED) == 0);
    printf("private file: %d %d %d\n", f[0], f[PAGE], f[2 * PAGE]);

    unsigned char *s = mmap(0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(s != MAP_FAILED);
    memset(s, 7, 2 * PAGE);
    CHECK(madvise(s, 2 * PAGE, MADV_DONTNEED) == 0);
    printf("shared stays: %d\n", s[0]);
    SHOW(madvise(s, PAGE, MADV_REMOVE));
    printf("removed: %d %d\n", s[0], s[PAGE]);

    memset(a, 3, 4 * PAGE);
    SHOW(madvise(a, 4 * PAGE, MADV_FREE));
    a[0] = 4;
    printf("freed, then written: %d\n", a[0]);

    SHOW(madvise(a, PAGE, MADV_NORMAL));
    SHOW(madvise(a, PAGE, MADV_RANDOM));
    SHOW(madvise(a, PAGE, MADV_SEQUENTIAL));
    SHOW(madvise(a, PAGE, MADV_WILLNEED));
    SHOW(madvise(a, PAGE, MADV_DONTFORK));
    SHOW(madvise(a, PAGE, MADV_DOFORK));
    SHOW(madvise(a, PAGE, MADV_HUGEPAGE));
    SHOW(madvise(a, PAGE, MADV_NOHUGEPAGE));
    SHOW(madvise(a, PAGE, MADV_DONTDUMP));
    SHOW(madvise(a, 0, MADV_DONTNEED));
    SHOW(madvise(a + 1, PAGE, MADV_DONTNEED));
    SHOW(madvise(a, PAGE, 12345));
    SHOW(madvise(a, -1UL, MADV_DONTNEED));
    CHECK(munmap(a + PAGE, PAGE) == 0);
    /* Over a hole: done for what is mapped, and ENOMEM. */
    memset(a + 2 * PAGE, 8, 2 * PAGE);
    SHOW(madvise(a, 4 * PAGE, MADV_DONTNEED));
    printf("behind the hole: %d\n", a[2 * PAGE]);
    return 0;
}
