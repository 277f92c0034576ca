// build: -pthread
// Processes that all fork without end are stopped by RLIMIT_NPROC with EAGAIN, and by SIGKILL to their group; all goes on.
#define _GNU_SOURCE
#include "limited.h"
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { LIMIT = 60 };

static struct {
    atomic_long refused, others;
} *counts;

static void fork_without_end(void)
{
    CHECK(setpgid(0, 0) == 0);
    become_limited(54322, LIMIT);
    for (;;)
        if (fork() < 0)
            (errno == EAGAIN ? &counts->refused : &counts->others)[0]++;
}

int main(void)
{
    counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(counts != MAP_FAILED);
    pid_t first = fork();
    CHECK(first >= 0);
    if (first == 0)
        fork_without_end();
    while (counts->refused < 1000)
        usleep(1000);
    /* Who is being forked misses a signal to the group. */
    while (kill(-first, SIGKILL) == 0) {
        waitpid(first, NULL, WNOHANG);
        usleep(1000);
    }
    printf("killed, then %s; other errors: %ld\n", error_name(errno), counts->others);
    pid_t child = fork();
    if (child == 0)
        _exit(9);
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    printf("then %d\n", WEXITSTATUS(status));
}
