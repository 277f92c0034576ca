// mremap: shrink, grow in place, grow by moving, to a fixed place, without unmapping the old; contents stay.
#include "mapping.h"

static void fill(unsigned char *at, int count)
{
    for (int i = 0; i < count; i++)
        memset(at + i * PAGE, i + 1, PAGE);
}

static void show(const char *what, unsigned char *at, int count)
{
    printf("%s:", what);
    for (int i = 0; i < count; i++)
        printf(" %d", at[i * PAGE + PAGE - 1]);
    puts("");
}

int main(void)
{
    unsigned char *a = pages(8);
    fill(a, 8);
    CHECK(mremap(a, 8 * PAGE, 4 * PAGE, 0) == a);
    show("shrunk", a, 4);
    printf("what was cut off: %s\n", reading(a + 4 * PAGE));
    CHECK(mremap(a, 4 * PAGE, 6 * PAGE, 0) == a);
    show("grown in place", a, 6);

    /* Something behind it prevents growing in place. */
    CHECK(mmap(a + 6 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == a + 6 * PAGE);
    SHOW(mremap(a, 6 * PAGE, 8 * PAGE, 0));
    unsigned char *b = mremap(a, 6 * PAGE, 20 * PAGE, MREMAP_MAYMOVE);
    CHECK(b != MAP_FAILED && b != a);
    show("moved", b, 8);
    printf("the old place: %s\n", reading(a));

    unsigned char *target = pages(20);
    fill(target, 20);
    CHECK(mremap(b, 4 * PAGE, 6 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target + 2 * PAGE) == target + 2 * PAGE);
    show("to a fixed place", target, 10);
    printf("the old place: %s, behind it: %s\n", reading(b), reading(b + 4 * PAGE));

    unsigned char *c = mremap(target, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
    CHECK(c != MAP_FAILED);
    show("moved away", c, 2);
    show("left behind", target, 2);

    /* A size of zero makes a second view of a shared mapping. */
    unsigned char *shared = mmap(0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    unsigned char *view = mremap(shared, 0, 2 * PAGE, MREMAP_MAYMOVE);
    CHECK(view != MAP_FAILED && view != shared);
    shared[5] = 42;
    printf("second view: %d\n", view[5]);
    SHOW(mremap(c, 0, PAGE, MREMAP_MAYMOVE));

    /* A file's mapping grows with the file behind it. */
    int file = make_file(4 * PAGE);
    unsigned char *f = mmap(0, PAGE, PROT_READ, MAP_SHARED, file, PAGE);
    CHECK(f != MAP_FAILED);
    f = mremap(f, PAGE, 3 * PAGE, MREMAP_MAYMOVE);
    CHECK(f != MAP_FAILED);
    show("file", f, 3);

    /* Protection goes with the mapping. */
    CHECK(mprotect(c, 2 * PAGE, PROT_READ) == 0);
    c = mremap(c, 2 * PAGE, 100 * PAGE, MREMAP_MAYMOVE);
    CHECK(c != MAP_FAILED);
    printf("protection moved: %s\n", writing(c + 50 * PAGE));

    SHOW(mremap(c + 1, PAGE, PAGE, MREMAP_MAYMOVE));
    SHOW(mremap(c, PAGE, 0, MREMAP_MAYMOVE));
    SHOW(mremap(c, PAGE, PAGE, 0x100));
    SHOW(mremap(c, PAGE, PAGE, MREMAP_FIXED, target));
    SHOW(mremap(c, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, c + PAGE));
    SHOW(mremap(c, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target + 1));
    SHOW(mremap(c, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0));
    CHECK(munmap(target, 20 * PAGE) == 0);
    SHOW(mremap(target, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
    SHOW(mremap(c, PAGE, -1UL << 12, MREMAP_MAYMOVE));
    return 0;
}
