// 10,000 processes one after another, in several ways; nothing is left of them.
// build: -O0
// timeout: 240
#include <dirent.h>
#include "process.h"

static int quit(char **args)
{
    return atoi(args[0]);
}

static int end(void *argument)
{
    return (int)(long)argument;
}

static int entries(const char *path)
{
    DIR *directory = opendir(path);
    CHECK(directory);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(directory));)
        count += atoi(entry->d_name) > 0;
    closedir(directory);
    return count;
}

static int test(void)
{
    int wrong = 0, descriptors = entries("/proc/self/fd");
    char *stack = mmap(0, CLONE_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(stack != MAP_FAILED);
    pid_t previous = 0;
    for (int i = 0; i < 10000; i++) {
        pid_t pid;
        if (i % 5 == 4) {
            pid = clone(end, stack + CLONE_STACK, CLONE_VM | SIGCHLD, (void *)(long)(i % 100));
        } else if (i % 5 == 3) {
            pid = vfork();
            if (pid == 0)
                _exit(i % 100);
        } else {
            char *arguments[] = { "self", "quit", text_of(i % 100), 0 };
            CHECK(posix_spawn(&pid, "/proc/self/exe", 0, 0, arguments, environ) == 0);
        }
        CHECK(pid > 0 && pid != previous);
        int status = end_of(pid);
        wrong += !WIFEXITED(status) || WEXITSTATUS(status) != i % 100;
        previous = pid;
    }
    printf("%d wrong, descriptors as before %d\n", wrong, entries("/proc/self/fd") == descriptors);
    SHOW(waitpid(-1, 0, WNOHANG));
    SHOW(kill(previous, 0));
    return 0;
}

PROGRAM(test, { "quit", quit })
