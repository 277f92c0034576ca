// Mappings made and dropped by the ten thousand, of many sizes, from several threads: nothing runs out, nothing overlaps.
#include <pthread.h>
#include "mapping.h"

static void *work(void *argument)
{
    unsigned seed = (unsigned)(uintptr_t)argument * 7919 + 1;
    enum { LIVE = 50 };
    struct {
        unsigned char *start;
        size_t size;
    } live[LIVE] = { 0 };
    for (int i = 0; i < 10000; i++) {
        seed = seed * 1103515245 + 12345;
        int slot = seed / 65536 % LIVE;
        if (live[slot].start) {
            unsigned char mark = (uintptr_t)argument * LIVE + slot;
            CHECK(live[slot].start[0] == mark && live[slot].start[live[slot].size - 1] == mark);
            CHECK(munmap(live[slot].start, live[slot].size) == 0);
            live[slot].start = 0;
        } else {
            live[slot].size = (seed / 4096 % 64 + 1) * PAGE;
            live[slot].start = pages(live[slot].size / PAGE);
            CHECK(live[slot].start[0] == 0 && live[slot].start[live[slot].size - 1] == 0);
            live[slot].start[0] = live[slot].start[live[slot].size - 1] = (uintptr_t)argument * LIVE + slot;
        }
    }
    return 0;
}

int main(void)
{
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], 0, work, (void *)i) == 0);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_join(threads[i], 0) == 0);
    puts("done");

    /* As many mappings as one process may reasonably have. */
    unsigned char *many = mmap(0, 60000L * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(many != MAP_FAILED);
    for (int i = 0; i < 30000; i += 2)
        CHECK(mprotect(many + i * PAGE, PAGE, PROT_READ | PROT_WRITE) == 0);
    CHECK(munmap(many, 60000L * PAGE) == 0);
    puts("30000 mappings side by side");
    return 0;
}
