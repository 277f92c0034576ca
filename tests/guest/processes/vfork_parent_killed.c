// The parent of a vfork can be killed while its child runs; the child goes on, in memory that stays.
// build: -O0
#include "process.h"

static volatile int before = 41;

static int quiet(char **args)
{
    tell(atoi(args[0]));
    return 0;
}

static int parent(char **args)
{
    char *arguments[] = { "self", "quiet", args[0], 0 };
    pid_t self = getpid();
    if (vfork() == 0) {
        kill(self, SIGKILL);
        while (getppid() == self)
            pause_ms(1);
        before++;
        char *more = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        memset(more, before, 1 << 20);
        if (more[1000] == 42)
            execv("/proc/self/exe", arguments);
        _exit(1);
    }
    return 1;
}

static int test(void)
{
    for (int i = 0; i < 20; i++) {
        int gate[2];
        CHECK(pipe(gate) == 0);
        pid_t pid = SPAWN("parent", text_of(gate[1]));
        close(gate[1]);
        int status = end_of(pid);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        await(gate[0]);
        CHECK(at_end(gate[0]));
        close(gate[0]);
    }
    puts("20 parents killed, their children went on");
    return 0;
}

PROGRAM(test, { "parent", parent }, { "quiet", quiet })
