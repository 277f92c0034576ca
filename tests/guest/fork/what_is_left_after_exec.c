// A program that a forked child executes has nothing of the memory before: not where it was, and not what was to be locked.
#define _GNU_SOURCE
#include "../check.h"
#include <sys/mman.h>
#include <sys/wait.h>

int main(int argc, char **argv)
{
    if (argc == 2) {
        char *place = (char *)strtoul(argv[1], NULL, 16);
        unsigned char vector;
        SHOW(mincore(place, 4096, &vector));
        return 3;
    }
    char *place = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(place != MAP_FAILED);
    memset(place, 1, 1 << 20);
    char text[30];
    snprintf(text, sizeof text, "%lx", (unsigned long)place);
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            memset(place, 2, 1 << 20);
            execl("/proc/self/exe", argv[0], text, NULL);
            _exit(1);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 3);
        CHECK(place[0] == 1 && place[(1 << 20) - 1] == 1);
    }
}
