// /proc of a process that ended and wasn't waited for: what is left of it, and that it goes with the wait.
#include <dirent.h>
#include "process.h"

static int quit(char **args)
{
    (void)args;
    return 3;
}

static pid_t pid;

static void show(const char *name)
{
    char path[64], text[300] = "";
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    int fd = open(path, O_RDONLY | O_DIRECTORY);
    if (fd < 0 && errno == ENOTDIR) {
        fd = open(path, O_RDONLY);
        ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
        printf("%s: %s", name, length < 0 ? error_name(errno) : length == 0 ? "empty" : "has text");
        if (length > 0 && strcmp(name, "comm") == 0)
            printf(" %s", text);
        else
            puts("");
        if (length > 0 && strcmp(name, "status") == 0)
            printf("%.13s\n", strstr(text, "State:"));
    } else if (fd < 0) {
        printf("%s: %s\n", name, error_name(errno));
    } else {
        DIR *directory = fdopendir(fd);
        int count = 0;
        while (readdir(directory))
            count++;
        printf("%s: %d entries\n", name, count - 2);
        closedir(directory);
        return;
    }
    if (fd >= 0)
        close(fd);
}

static int listed(void)
{
    DIR *directory = opendir("/proc");
    int found = 0;
    for (struct dirent *entry; (entry = readdir(directory));)
        found |= atoi(entry->d_name) == pid;
    closedir(directory);
    return found;
}

static int test(void)
{
    pid = SPAWN("quit");
    await_state(pid, 'Z');
    printf("state %c, listed %d\n", state_of(pid), listed());
    static const char *const names[] = { "stat", "status", "comm", "cmdline", "environ", "maps", "statm", "task", "limits", "oom_score" };
    for (int i = 0; i < 10; i++)
        show(names[i]);
    char path[64], target[100];
    static const char *const links[] = { "exe", "cwd", "root" };
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "/proc/%d/%s", pid, links[i]);
        printf("%s: %s\n", links[i], readlink(path, target, sizeof target) == -1 ? error_name(errno) : "points somewhere");
    }
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    int status = open(path, O_RDONLY);
    snprintf(path, sizeof path, "/proc/%d", pid);
    int directory = open(path, O_RDONLY | O_DIRECTORY);
    CHECK(status >= 0 && directory >= 0);
    show_end("end", pid);
    char byte;
    SHOW(read(status, &byte, 1));
    SHOW(openat(directory, "status", O_RDONLY));
    SHOW(access(path, F_OK));
    printf("listed %d\n", listed());
    return 0;
}

PROGRAM(test, { "quit", quit })
