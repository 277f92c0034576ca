// /proc/PID/exe, cwd and fd of another process lead to what they stand for, deleted or not.
#include <sys/sendfile.h>
#include "proc.h"

static int copy(const char *from, const char *to)
{
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0700);
    struct stat stat;
    if (in < 0 || out < 0 || fstat(in, &stat) != 0)
        return -1;
    for (off_t left = stat.st_size; left > 0;) {
        ssize_t sent = sendfile(out, in, 0, left);
        if (sent <= 0)
            return -1;
        left -= sent;
    }
    close(in);
    return close(out);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        if (strcmp(argv[1], "again") == 0) {
            puts("ran once more");
            return 7;
        }
        int file = open("file", O_RDWR | O_CREAT, 0600);
        CHECK(file >= 0 && dup2(file, 30) == 30 && write(30, "contents", 8) == 8 && unlink("file") == 0);
        CHECK(mkdir("below", 0700) == 0 && chdir("below") == 0);
        prctl(PR_SET_NAME, "ready");
        for (;;)
            pause();
    }
    CHECK(copy("/proc/self/exe", "program") == 0);
    pid_t child;
    char *args[] = { "program", "child", 0 };
    CHECK(posix_spawn(&child, "./program", 0, 0, args, environ) == 0);
    while (strcmp(proc_read(child, "comm"), "ready\n") != 0)
        usleep(1000);
    char path[64], here[256], text[300] = "", expected[300];
    CHECK(getcwd(here, sizeof here) && unlink("program") == 0);
    snprintf(path, sizeof path, "/proc/%d/exe", child);
    snprintf(expected, sizeof expected, "%s/program (deleted)", here);
    CHECK(readlink(path, text, sizeof text - 1) > 0);
    printf("exe: %d\n", strcmp(text, expected) == 0);
    struct stat one, other;
    CHECK(stat("/proc/self/exe", &one) == 0 && stat(path, &other) == 0);
    printf("of the same size: %d\n", one.st_size == other.st_size);
    pid_t again;
    char *more[] = { "program", "again", 0 };
    fflush(stdout);
    CHECK(posix_spawn(&again, path, 0, 0, more, environ) == 0);
    int status;
    CHECK(waitpid(again, &status, 0) == again);
    printf("its status: %d\n", WEXITSTATUS(status));

    snprintf(path, sizeof path, "/proc/%d/cwd/../copy", child);
    CHECK(copy("/proc/self/exe", path) == 0);
    SHOW(access("copy", X_OK));
    snprintf(path, sizeof path, "/proc/%d/fd/30", child);
    int fd = open(path, O_RDONLY);
    char contents[9] = "";
    CHECK(fd >= 0 && read(fd, contents, 8) == 8);
    printf("fd: %s\n", contents);
    snprintf(path, sizeof path, "/proc/%d/fd/31", child);
    SHOW(open(path, O_RDONLY));
    kill(child, SIGKILL);
    end_of(child);
    SHOW(open(path, O_RDONLY));
    return 0;
}
