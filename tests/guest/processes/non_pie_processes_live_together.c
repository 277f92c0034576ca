// Many processes of a program that must lie at one fixed address, all alive at once, each with memory of its own.
// build: -no-pie -static
#include "process.h"

enum { COUNT = 20 };
static int own = 1;
static char *heap;

static int child(char **args)
{
    int number = atoi(args[0]);
    CHECK(own == 1 && !heap);
    own = number;
    heap = malloc(100000);
    memset(heap, number, 100000);
    tell(atoi(args[2]));
    await(atoi(args[1]));
    for (int i = 0; i < 100000; i++)
        CHECK(heap[i] == number);
    CHECK(own == number);
    if (number % 5 == 0)
        show_end("its own child", SPAWN("leaf"));
    return number;
}

static int leaf(char **args)
{
    (void)args;
    return own == 1 ? 61 : 1;
}

static int test(void)
{
    int gate[2], ready[2], wrong = 0;
    CHECK(pipe(gate) == 0 && pipe(ready) == 0);
    own = 500;
    pid_t children[COUNT];
    for (int i = 0; i < COUNT; i++)
        children[i] = SPAWN("child", text_of(i + 10), text_of(gate[0]), text_of(ready[1]));
    for (int i = 0; i < COUNT; i++)
        await(ready[0]);
    for (int i = 0; i < COUNT; i++)
        tell(gate[1]);
    for (int i = 0; i < COUNT; i++) {
        int status = end_of(children[i]);
        wrong += !WIFEXITED(status) || WEXITSTATUS(status) != i + 10;
    }
    printf("wrong: %d, own: %d\n", wrong, own);
    return 0;
}

PROGRAM(test, { "child", child }, { "leaf", leaf })
