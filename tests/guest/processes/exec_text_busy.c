// A program that runs can't be opened for writing, and one that is open for writing can't be run.
#include <sys/sendfile.h>
#include "process.h"

static int sleeper(char **args)
{
    await(atoi(args[0]));
    return 4;
}

static int test(void)
{
    int from = open("/proc/self/exe", O_RDONLY), to = open("copy", O_RDWR | O_CREAT, 0755), gate[2];
    struct stat status;
    CHECK(from >= 0 && to >= 0 && fstat(from, &status) == 0 && pipe(gate) == 0);
    for (off_t done = 0; done < status.st_size;)
        CHECK(sendfile(to, from, &done, status.st_size - done) > 0);
    pid_t pid;
    char *arguments[] = { "self", "sleeper", text_of(gate[0]), 0 };
    printf("open for writing: %s\n", error_name(posix_spawn(&pid, "copy", 0, 0, arguments, environ)));
    close(to);
    printf("closed: %s\n", error_name(posix_spawn(&pid, "copy", 0, 0, arguments, environ)));
    SHOW(open("copy", O_WRONLY));
    SHOW(open("copy", O_RDWR));
    SHOW(open("copy", O_RDONLY));
    SHOW(truncate("copy", 0));
    SHOW(rename("copy", "moved"));
    SHOW(unlink("moved"));
    tell(gate[1]);
    show_end("sleeper", pid);
    return 0;
}

PROGRAM(test, { "sleeper", sleeper })
