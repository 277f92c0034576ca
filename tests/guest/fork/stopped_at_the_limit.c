// A user who forks without end is stopped by RLIMIT_NPROC with EAGAIN, and can fork again when children are gone.
#define _GNU_SOURCE
#include "limited.h"
#include <signal.h>
#include <sys/wait.h>

enum { LIMIT = 40 };

int main(void)
{
    become_limited(54321, LIMIT);
    pid_t children[LIMIT];
    int count = 0;
    for (;;) {
        pid_t child = fork();
        if (child < 0)
            break;
        if (child == 0) {
            pause();
            _exit(0);
        }
        CHECK(count < LIMIT);
        children[count++] = child;
    }
    printf("%d children, then %s\n", count, error_name(errno));
    for (int i = 0; i < count; i++) {
        CHECK(kill(children[i], SIGKILL) == 0);
        CHECK(waitpid(children[i], NULL, 0) == children[i]);
    }
    pid_t child = fork();
    if (child == 0)
        _exit(9);
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    printf("then %d\n", WEXITSTATUS(status));
}
