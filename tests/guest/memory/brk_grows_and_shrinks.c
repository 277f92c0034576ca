// The program break: grows by pages that read zero, shrinks, and keeps its value when it can't move.
#include "mapping.h"

static char *set_break(char *to)
{
    return (char *)syscall(SYS_brk, to);
}

int main(void)
{
    /* From here on the C library has what it needs, so that it leaves the break alone until the end. */
    CHECK(puts("start") >= 0);
    char *start = set_break(0);
    CHECK(set_break(start) == start);
    char *aligned = (char *)(((uintptr_t)start + PAGE - 1) & -PAGE);

    CHECK(set_break(start + 10 * PAGE + 5) == start + 10 * PAGE + 5);
    for (char *p = aligned; p < start + 10 * PAGE; p++)
        CHECK(*p == 0);
    memset(start, 1, 10 * PAGE);
    puts("grown and zero");
    CHECK(set_break(start + 100) == start + 100);
    printf("above the break: %s\n", reading(aligned + 2 * PAGE));
    CHECK(set_break(start + 10 * PAGE) == start + 10 * PAGE);
    for (char *p = aligned + PAGE; p < start + 10 * PAGE; p++)
        CHECK(*p == 0);
    puts("zero again after shrinking");

    CHECK(set_break((char *)1) == start + 10 * PAGE);
    CHECK(set_break((char *)-1L) == start + 10 * PAGE);
    puts("unreachable: kept");

    /* A mapping in its way stops it. */
    char *wall = aligned + 64 * PAGE;
    CHECK(mmap(wall, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == wall);
    CHECK(set_break(wall + PAGE) == start + 10 * PAGE);
    puts("blocked: kept");
    CHECK(munmap(wall, PAGE) == 0);
    CHECK(set_break(wall + PAGE) == wall + PAGE);
    printf("heap in the map: %s\n", permissions(wall));
    CHECK(set_break(start) == start);
    CHECK(sbrk(0) != (void *)-1);

    /* What malloc takes and gives back. */
    for (int round = 0; round < 20; round++) {
        char *blocks[200];
        for (int i = 0; i < 200; i++)
            CHECK((blocks[i] = malloc(1000 + i * 100)) && memset(blocks[i], i, 1000 + i * 100));
        for (int i = 0; i < 200; i++) {
            CHECK(blocks[i][999 + i * 100] == (char)i);
            free(blocks[i]);
        }
    }
    puts("malloc works");
    return 0;
}
