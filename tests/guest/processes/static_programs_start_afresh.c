// A static program, which takes its heap and protects itself before its `main`, run again and again: each run finds its
// data, its heap and its stack as a first run would, and nothing beyond its break.
// build: -static-pie
#include "process.h"
#include <stdbool.h>

enum { RUNS = 40, DEEP = 300000, PAGE = 4096 };
static int own[3000] = { [0] = 1, [2999] = 7 };
static char zeros[100000];
/* Relocated, and protected from then on. */
static int *const relocated[] = { own, own + 1 };

static bool is_clear(const volatile char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i])
            return false;
    return true;
}

/* Further down than anything before `main`. */
__attribute__((noinline)) static bool use_stack(int mark, size_t len)
{
    volatile char bytes[DEEP];
    __asm__ volatile("" : "=m"(bytes));
    bool was_clear = is_clear(bytes, DEEP - 40000);
    for (size_t i = DEEP - len; i < DEEP; i++)
        bytes[i] = mark;
    return was_clear;
}

static char *above_break(void)
{
    return (char *)(((uintptr_t)sbrk(0) + PAGE - 1) / PAGE * PAGE);
}

static int run(char **args)
{
    int mark = atoi(args[0]);
    if (own[0] != 1 || own[2999] != 7 || *(int *const volatile *)(relocated + 1) != own + 1 || !is_clear(zeros, sizeof zeros))
        return 90;
    for (int i = 0; i < 3000; i++)
        own[i] = mark;
    memset(zeros, mark, sizeof zeros);
    if (!use_stack(mark, mark % 4 * 90000))
        return 91;
    /* What `malloc` has of the heap so far, and then more. */
    for (int i = 0; i < mark % 5 * 20; i++) {
        char *block = malloc(8000);
        CHECK(block);
        if (!is_clear(block + 16, 8000 - 16))
            return 92;
        memset(block, mark, 8000);
    }
    if (mark % 3 == 0)
        CHECK(brk((char *)sbrk(0) - 30000) == 0 || mark % 5 == 0);
    char *heap = sbrk(150000);
    CHECK(heap != (char *)-1);
    if (mark % 3 && !is_clear(heap, 150000))
        return 93;
    memset(heap, mark, 150000);
    if (mark % 7 == 0)
        raise(SIGKILL);
    if (mark % 11 == 0)
        return execl("/proc/self/exe", "self", "run", "1", (char *)0);
    return mark;
}

/* Makes no system call before. */
static int write_beyond(char **args)
{
    (void)args;
    *(volatile char *)above_break() = 1;
    return 1;
}

static int write_relocated(char **args)
{
    (void)args;
    *(int *volatile *)(uintptr_t)relocated = 0;
    return 1;
}

static int quit(char **args)
{
    return atoi(args[0]);
}

static int test(void)
{
    for (int i = 1; i <= RUNS; i++) {
        show_end("run", SPAWN("run", text_of(i)));
        show_end("quit", SPAWN("quit", text_of(i)));
        show_end("writes beyond its break", SPAWN("beyond"));
        show_end("writes to what is protected", SPAWN("relocated"));
    }
    pid_t children[10];
    for (int i = 0; i < 10; i++)
        children[i] = SPAWN("run", text_of(i + 1));
    for (int i = 0; i < 10; i++)
        show_end("of ten at once", children[i]);
    return 0;
}

PROGRAM(test, { "run", run }, { "beyond", write_beyond }, { "relocated", write_relocated }, { "quit", quit })
