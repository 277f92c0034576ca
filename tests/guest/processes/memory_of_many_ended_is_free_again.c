/* What the memories of ended processes took counts no more, however many of one program ended together. */
#include "process.h"

enum { LIVE = 40 };

static int stay(char **args)
{
    char byte;
    (void)args;
    return read(0, &byte, 1) == 0 ? 0 : 1;
}

static void run_together(void)
{
    int end[2];
    pid_t children[LIVE];
    posix_spawn_file_actions_t actions;
    CHECK(pipe2(end, O_CLOEXEC) == 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, end[0], 0);
    for (int i = 0; i < LIVE; i++)
        CHECK((children[i] = SPAWN_WITH(&actions, 0, "stay")) > 0);
    posix_spawn_file_actions_destroy(&actions);
    close(end[0]);
    close(end[1]);
    for (int i = 0; i < LIVE; i++) {
        int status;
        CHECK(waitpid(children[i], &status, 0) == children[i]);
        CHECK(status == 0);
    }
}

static int test(void)
{
    for (int round = 0; round < 3; round++)
        run_together();
    void *memory = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    puts("there is memory");
    return 0;
}

PROGRAM(test, { "stay", stay })
