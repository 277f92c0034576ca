// A mapping with MAP_GROWSDOWN grows when it is touched below its start.
#include "mapping.h"

int main(void)
{
    unsigned char *room = mmap(0, 4096 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(room != MAP_FAILED && munmap(room, 4096 * PAGE) == 0);
    unsigned char *top = room + 4090 * PAGE;
    CHECK(mmap(top, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0) == top);
    for (int i = 1; i <= 16; i++)
        CHECK(strcmp(writing(top - i * PAGE), "fine") == 0);
    printf("grown: %s\n", permissions(top - 16 * PAGE));
    /* A system call's access makes it grow, too. */
    CHECK(syscall(SYS_getcpu, top - 17 * PAGE, 0, 0) == 0);
    puts("grown by a system call");
    return 0;
}
