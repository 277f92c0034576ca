// Children that came and went leave no process, no descriptor, and nothing in the LibOS's heap.
#include "proc.h"
#include "../enclos.h"

static void spawn(int count)
{
    for (int i = 0; i < count; i++) {
        pid_t child;
        char *args[] = { "self", "child", 0 };
        if (i % 8 == 0)
            CHECK(posix_spawn(&child, "/proc/self/exe", 0, 0, args, environ) == 0);
        else if (i % 64 == 1) {
            if ((child = fork()) == 0)
                _exit(0);
        } else if ((child = vfork()) == 0)
            _exit(0);
        end_of(child);
    }
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return 0;
    spawn(1000);
    long before = enclos_heap();
    printf("consistent: %d\n", enclos_is_consistent());
    spawn(4000);
    printf("the heap is as it was: %d\n", enclos_heap_is_as_before(before, 32 << 10));
    pid_t live[50];
    for (int i = 0; i < 50; i++) {
        live[i] = fork();
        if (live[i] == 0) {
            if (i % 3 == 0)
                setsid();
            if (i % 3 == 1)
                setpgid(0, 0);
            if (i % 5 == 0)
                _exit(0);
            for (;;)
                pause();
        }
    }
    printf("consistent: %d\n", enclos_is_consistent());
    for (int i = 0; i < 50; i++) {
        kill(live[i], SIGKILL);
        end_of(live[i]);
    }
    printf("consistent: %d\n", enclos_is_consistent());
    return 0;
}
