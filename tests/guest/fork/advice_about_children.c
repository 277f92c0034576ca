// What children have of a mapping follows MADV_DONTFORK and MADV_WIPEONFORK, which their opposites undo, and grandchildren
// inherit.
#define _GNU_SOURCE
#include "../check.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { PAGE = 4096, PAGES = 8 };

static char *memory;

/* What a child sees of each page, and what its own child does. */
static void show(const char *when)
{
    printf("%s:", when);
    fflush(stdout);
    for (int i = 0; i < PAGES; i++) {
        int status;
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            unsigned char vector;
            int is_mapped = mincore(memory + i * PAGE, PAGE, &vector) == 0;
            pid_t grandchild = fork();
            if (grandchild == 0)
                _exit(memory[i * PAGE]);
            CHECK(waitpid(grandchild, &status, 0) == grandchild);
            printf(" %c/%d", is_mapped ? 'm' : '-', WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status));
            fflush(stdout);
            _exit(0);
        }
        CHECK(waitpid(child, &status, 0) == child && status == 0);
    }
    printf("\n");
}

int main(void)
{
    memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    for (int i = 0; i < PAGES; i++)
        memory[i * PAGE] = i + 1;
    show("at first");
    CHECK(madvise(memory + PAGE, 2 * PAGE, MADV_DONTFORK) == 0);
    CHECK(madvise(memory + 4 * PAGE, 2 * PAGE, MADV_WIPEONFORK) == 0);
    show("advised");
    CHECK(madvise(memory + 2 * PAGE, PAGE, MADV_DOFORK) == 0);
    CHECK(madvise(memory + 5 * PAGE, PAGE, MADV_KEEPONFORK) == 0);
    show("partly undone");
    for (int i = 0; i < PAGES; i++)
        printf("%d ", memory[i * PAGE]);
    printf("in the parent\n");
    char *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    SHOW(madvise(shared, PAGE, MADV_WIPEONFORK));
    SHOW(madvise(shared, PAGE, MADV_DONTFORK));
    /* Where nothing is, the child can map. */
    pid_t child = fork();
    if (child == 0) {
        char *there = mmap(memory + PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        CHECK(there == memory + PAGE);
        exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}
