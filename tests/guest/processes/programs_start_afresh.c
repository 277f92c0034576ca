// A program that must lie at one fixed address, run again and again: by vfork and by fork, from itself and from its first
// process, some killed. Each run finds its data, its heap, new mappings and its stack as a first run would.
// build: -no-pie
#include "process.h"
#include <stdbool.h>

enum { RUNS = 40, LEN = 300000 };
static int own[3000] = { [0] = 1, [2999] = 7 };
static char zeros[100000];

static bool is_clear(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i])
            return false;
    return true;
}

/* Writes to all that a program can write to, after a look at it. */
static int use(int mark)
{
    if (own[0] != 1 || own[2999] != 7 || !is_clear(zeros, sizeof zeros))
        return 90;
    for (int i = 0; i < 3000; i++)
        own[i] = mark;
    memset(zeros, mark, sizeof zeros);
    char *heap = sbrk(LEN);
    CHECK(heap != (char *)-1);
    if (!is_clear(heap, LEN))
        return 91;
    memset(heap, mark, LEN);
    for (int i = 0; i < 30; i++) {
        size_t len = (size_t)(i % 6 + 1) * 100000;
        char *mapped = mmap(0, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(mapped != MAP_FAILED);
        if (!is_clear(mapped, len))
            return 92;
        memset(mapped, mark, len);
        if (i % 3 == 0)
            CHECK(munmap(mapped, len) == 0);
        if (i % 3 == 1)
            CHECK(mprotect(mapped, 4096, i % 2 ? PROT_READ : PROT_NONE) == 0);
    }
    FILE *self = fopen("/proc/self/exe", "r");
    CHECK(self);
    char *text = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fileno(self), 0);
    CHECK(text != MAP_FAILED);
    if (memcmp(text, "\x7f" "ELF", 4) != 0)
        return 93;
    memset(text, mark, 8192);
    fclose(self);
    return mark;
}

static pid_t run_forked(char *mark)
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        execl("/proc/self/exe", "self", "run", mark, (char *)0);
        _exit(98);
    }
    return pid;
}

static int run(char **args)
{
    int mark = atoi(args[0]);
    int result = use(mark);
    if (result != mark)
        return result;
    if (mark % 5 == 0)
        raise(SIGKILL);
    if (mark % 7 == 0) {
        int status = end_of(run_forked("1"));
        return WIFEXITED(status) && WEXITSTATUS(status) == 1 ? mark : 94;
    }
    if (mark % 11 == 0)
        return execl("/proc/self/exe", "self", "run", "1", (char *)0);
    return mark;
}

static int test(void)
{
    for (int i = 1; i <= RUNS; i++)
        show_end(i % 2 ? "spawned" : "forked", i % 2 ? SPAWN("run", text_of(i)) : run_forked(text_of(i)));
    pid_t children[10];
    for (int i = 0; i < 10; i++)
        children[i] = i % 2 ? SPAWN("run", text_of(i + 1)) : run_forked(text_of(i + 1));
    for (int i = 0; i < 10; i++)
        show_end("of ten at once", children[i]);
    return 0;
}

PROGRAM(test, { "run", run })
