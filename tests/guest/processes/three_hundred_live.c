// 300 processes that live at once, each its own memory, answering through pipes; then all end.
#include "process.h"

enum { COUNT = 300 };

static int memory_of_its_own = 7;

static int answer(char **args)
{
    int number = atoi(args[0]), from = atoi(args[1]), to = atoi(args[2]);
    memory_of_its_own = number;
    char *block = malloc(1 << 16);
    memset(block, number, 1 << 16);
    tell(to);
    await(from);
    for (int i = 0; i < 1 << 16; i++)
        CHECK(block[i] == (char)number);
    CHECK(memory_of_its_own == number);
    return number % 200;
}

static int test(void)
{
    int ready[2], gate[2], wrong = 0;
    CHECK(pipe(ready) == 0 && pipe(gate) == 0);
    static pid_t children[COUNT];
    for (int i = 0; i < COUNT; i++)
        children[i] = SPAWN("answer", text_of(i), text_of(gate[0]), text_of(ready[1]));
    for (int i = 0; i < COUNT; i++)
        await(ready[0]);
    int alive = 0, distinct = 1;
    for (int i = 0; i < COUNT; i++) {
        alive += kill(children[i], 0) == 0 && getpgid(children[i]) == getpgrp();
        for (int j = 0; j < i; j++)
            distinct &= children[i] != children[j];
    }
    printf("alive: %d, ids distinct: %d\n", alive, distinct);
    for (int i = 0; i < COUNT; i++)
        tell(gate[1]);
    for (int i = 0; i < COUNT; i++) {
        int status = end_of(children[i]);
        wrong += !WIFEXITED(status) || WEXITSTATUS(status) != i % 200;
    }
    printf("wrong: %d\n", wrong);
    SHOW(waitpid(-1, 0, 0));
    return 0;
}

PROGRAM(test, { "answer", answer })
