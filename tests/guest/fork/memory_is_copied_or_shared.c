// A forked child has copies of private mappings, the very same shared ones, and sees what later becomes of those only.
#define _GNU_SOURCE
#include "../check.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { SIZE = 64 << 10 };

static int data = 1;
static int zero;

int main(void)
{
    int local = 1;
    int *heap = malloc(SIZE);
    int *large = malloc(4 << 20);
    int *private = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int *shared = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int memfd = memfd_create("m", 0);
    CHECK(memfd >= 0 && ftruncate(memfd, SIZE) == 0);
    int *file = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
    int *copy = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, memfd, 0);
    CHECK(heap && large && private != MAP_FAILED && shared != MAP_FAILED && file != MAP_FAILED && copy != MAP_FAILED);
    *heap = *large = *private = *shared = *file = 1;
    int there[2], back[2];
    CHECK(pipe(there) == 0 && pipe(back) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    int *all[] = {&data, &zero, &local, heap, large, private, shared, file, copy};
    const int count = sizeof all / sizeof *all;
    char byte = 0;
    if (child == 0) {
        CHECK(read(there[0], &byte, 1) == 1);
        for (int i = 0; i < count; i++)
            printf("%d ", *all[i]);
        printf("seen by the child\n");
        fflush(stdout);
        for (int i = 0; i < count; i++)
            *all[i] = 3;
        CHECK(munmap(private, SIZE) == 0);
        CHECK(write(back[1], &byte, 1) == 1);
        exit(0);
    }
    for (int i = 0; i < count; i++)
        *all[i] = 2;
    CHECK(write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1);
    for (int i = 0; i < count; i++)
        printf("%d ", *all[i]);
    printf("seen by the parent\n");
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}
