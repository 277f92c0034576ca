// A signal to a process group while its members fork: no child escapes it.
#include <sys/prctl.h>
#include "process.h"

enum { TIMES = 100, MOST = 2000 };

/* Each process forks the next one and ends. */
static int relay(char **args)
{
    int ready = atoi(args[0]);
    CHECK(setpgid(0, 0) == 0);
    tell(ready);
    for (int i = 0; i < MOST; i++) {
        pid_t pid = fork();
        if (pid != 0)
            _exit(pid < 0);
    }
    return 3;
}

static int test(void)
{
    int ready[2], status, escaped = 0;
    CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 && pipe(ready) == 0);
    for (int i = 0; i < TIMES; i++) {
        pid_t group = SPAWN("relay", text_of(ready[1]));
        await(ready[0]);
        for (int spins = i % 20 * 10000; spins; spins--)
            __asm__ volatile("");
        CHECK(kill(-group, SIGKILL) == 0);
        while (waitpid(-1, &status, 0) > 0)
            escaped += WIFEXITED(status) && WEXITSTATUS(status) == 3;
        CHECK(errno == ECHILD);
    }
    printf("escaped: %d\n", escaped);
    return 0;
}

PROGRAM(test, { "relay", relay })
