// Who may look into a process: another user sees what everybody may, and no more.
#include "proc.h"

static int target;

static void try_open(const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", target, name);
    int fd = open(path, O_RDONLY);
    char byte;
    ssize_t got = fd < 0 ? -1 : read(fd, &byte, 1);
    printf("%s: %s\n", name, fd < 0 || got < 0 ? error_name(errno) : "OK");
    if (fd >= 0)
        close(fd);
}

static void look(void)
{
    static const char *const files[] = { "stat", "status", "cmdline", "comm", "limits", "statm", "environ", "auxv", "maps",
                                         "smaps", "io", "mem", "personality", "fd", "task" };
    for (int i = 0; i < 15; i++)
        if (i < 13)
            try_open(files[i]);
        else {
            char path[64];
            snprintf(path, sizeof path, "/proc/%d/%s", target, files[i]);
            DIR *directory = opendir(path);
            printf("%s: %s\n", files[i], directory ? "OK" : error_name(errno));
        }
    static const char *const links[] = { "exe", "cwd", "root" };
    for (int i = 0; i < 3; i++) {
        char path[64], text[256];
        snprintf(path, sizeof path, "/proc/%d/%s", target, links[i]);
        printf("%s: %s\n", links[i], readlink(path, text, sizeof text) < 0 ? error_name(errno) : "OK");
    }
}

static void in_child(int user, const char *what)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        if (user)
            CHECK(setgid(user) == 0 && setuid(user) == 0);
        printf("-- %s\n", what);
        look();
        fflush(stdout);
        _exit(0);
    }
    end_of(child);
}

int main(void)
{
    if (geteuid() != 0) {
        puts("only root can become others");
        return 0;
    }
    target = getpid();
    in_child(0, "root looks at root");
    in_child(12345, "a user looks at root");
    pid_t victim = fork();
    if (victim == 0) {
        CHECK(setgid(12345) == 0 && setuid(12345) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0);
        prctl(PR_SET_NAME, "ready");
        for (;;)
            pause();
    }
    while (strcmp(proc_read(victim, "comm"), "ready\n") != 0)
        usleep(1000);
    target = victim;
    in_child(54321, "a user looks at another");
    kill(victim, SIGKILL);
    end_of(victim);

    victim = fork();
    if (victim == 0) {
        CHECK(setgid(12345) == 0 && setuid(12345) == 0 && prctl(PR_SET_DUMPABLE, 0) == 0);
        target = getpid();
        puts("-- one that may not be dumped looks at itself");
        try_open("environ");
        try_open("maps");
        fflush(stdout);
        prctl(PR_SET_NAME, "ready");
        for (;;)
            pause();
    }
    while (strcmp(proc_read(victim, "comm"), "ready\n") != 0)
        usleep(1000);
    struct stat stat_of;
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", victim);
    CHECK(stat(path, &stat_of) == 0);
    printf("it is owned by root: %d\n", stat_of.st_uid == 0);
    kill(victim, SIGKILL);
    end_of(victim);
    return 0;
}
