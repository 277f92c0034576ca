// In a chain of processes, each ends as soon as it has forked the next one; the last one gets through.
#include "../check.h"
#include <sys/wait.h>

enum { LENGTH = 300 };

int main(void)
{
    int done[2];
    CHECK(pipe(done) == 0);
    pid_t first = fork();
    CHECK(first >= 0);
    if (first == 0) {
        close(done[0]);
        for (int i = 0; i < LENGTH; i++) {
            pid_t next = fork();
            CHECK(next >= 0);
            if (next > 0)
                _exit(0);
        }
        CHECK(write(done[1], "x", 1) == 1);
        _exit(0);
    }
    close(done[1]);
    char byte;
    SHOW_VALUE(read(done[0], &byte, 1));
    SHOW_VALUE(read(done[0], &byte, 1));
    CHECK(waitpid(first, NULL, 0) == first);
}
