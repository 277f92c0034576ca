// A child for one's own parent (CLONE_PARENT), which ends meanwhile: the child has a parent all the same, which is told.
#include <sys/prctl.h>
#include "../enclos.h"
#include "process.h"

enum { TIMES = 200, CHILDREN = 40 };

static int makes_siblings(char **args)
{
    tell(atoi(args[0]));
    for (int i = 0; i < CHILDREN; i++) {
        long pid = syscall(SYS_clone, CLONE_PARENT, 0, 0, 0, 0);
        if (pid == 0)
            _exit(0);
        if (pid < 0)
            return 1;
    }
    return 0;
}

static int ends(char **args)
{
    SPAWN("makes-siblings", args[0]);
    pause();
    return 1;
}

static int test(void)
{
    int ready[2], status, wrong = 0;
    CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 && pipe(ready) == 0);
    for (int i = 0; i < TIMES; i++) {
        pid_t pid = SPAWN("ends", text_of(ready[1]));
        await(ready[0]);
        for (int spins = i % 20 * 5000; spins; spins--)
            __asm__ volatile("");
        CHECK(kill(pid, SIGKILL) == 0);
        while ((pid = waitpid(-1, &status, __WALL)) > 0)
            wrong += status != 0 && status != SIGKILL;
        CHECK(errno == ECHILD);
    }
    printf("wrong: %d\n", wrong);
    printf("consistent %d\n", enclos_is_consistent());
    return 0;
}

PROGRAM(test, { "ends", ends }, { "makes-siblings", makes_siblings })
