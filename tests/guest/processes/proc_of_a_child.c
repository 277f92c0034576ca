// /proc/PID of a child: each file says what it should of that process, not of the reader.
#include <dirent.h>
#include <pthread.h>
#include <sys/prctl.h>
#include "process.h"

static void *wait_in_thread(void *argument)
{
    CHECK(prctl(PR_SET_NAME, "second") == 0);
    int *fds = argument;
    tell(fds[0]);
    await(fds[1]);
    return 0;
}

static int child(char **args)
{
    int fds[2] = { atoi(args[0]), atoi(args[1]) };
    CHECK(chdir("below") == 0 && setpgid(0, 0) == 0 && setpriority(PRIO_PROCESS, 0, 4) == 0);
    set_handler(SIGUSR1, SIG_IGN, 0);
    set_handler(SIGTERM, SIG_DFL, 0);
    change_mask(SIG_BLOCK, SIGUSR2);
    CHECK(raise(SIGUSR2) == 0);
    struct rlimit limit = { 111, 222 };
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    int file = open("../file", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    CHECK(dup3(file, 40, O_CLOEXEC) == 40 && write(40, "0123456789", 10) == 10);
    char *memory = mmap(0, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    memset(memory, 1, 8 << 20);
    pthread_t thread;
    CHECK(pthread_create(&thread, 0, wait_in_thread, fds) == 0);
    await(fds[1]);
    await(fds[1]);
    return 0;
}

static pid_t pid;
static char text[1 << 20];

/* A file's contents, with zeros shown as commas. */
static char *contents(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return strcpy(text, error_name(errno));
    size_t length = 0;
    ssize_t got;
    while ((got = read(fd, text + length, sizeof text - 1 - length)) > 0)
        length += got;
    close(fd);
    for (size_t i = 0; i < length; i++)
        if (text[i] == 0)
            text[i] = ',';
    text[length] = 0;
    return text;
}

/* A line of it. */
static void show_line(const char *name, const char *start)
{
    for (char *line = strtok(contents(name), "\n"); line; line = strtok(0, "\n"))
        if (strncmp(line, start, strlen(start)) == 0) {
            printf("%s: %s\n", name, line);
            return;
        }
    printf("%s: no %s\n", name, start);
}

static long number_after(const char *name, const char *start)
{
    char *found = strstr(contents(name), start);
    return found ? atol(found + strlen(start)) : -1;
}

static void show_link(const char *name, const char *expected)
{
    char path[128], target[4096];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    ssize_t length = readlink(path, target, sizeof target - 1);
    if (length < 0) {
        printf("%s: %s\n", name, error_name(errno));
        return;
    }
    target[length] = 0;
    printf("%s: %d\n", name, strcmp(target, expected) == 0);
}

static void show_entries(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    DIR *directory = opendir(path);
    CHECK(directory);
    int count = 0, own = 0;
    for (struct dirent *entry; (entry = readdir(directory));) {
        count += entry->d_name[0] != '.';
        own |= atoi(entry->d_name) == pid;
    }
    closedir(directory);
    /* Descriptors' numbers may be that id by chance. */
    printf("%s: %s entries, its own id %d\n", name, count == 2 ? "2" : count >= 8 ? "8 or more" : "too few", count == 2 && own);
}

static int test(void)
{
    int ready[2], gate[2];
    CHECK(mkdir("below", 0777) == 0 && pipe2(ready, 0) == 0 && pipe2(gate, 0) == 0);
    char *environment[] = { "ONE=1", "TWO=two words", 0 }, *arguments[] = { "self", "child", text_of(ready[1]), text_of(gate[0]), 0 };
    CHECK(posix_spawn(&pid, "/proc/self/exe", 0, 0, arguments, environment) == 0);
    await(ready[0]);
    await_state(pid, 'S');

    printf("cmdline: %s\n", contents("cmdline"));
    printf("environ: %s\n", contents("environ"));
    printf("comm: %s", contents("comm"));
    char self[4096], directory[4096], path[5000];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    CHECK(length > 0 && getcwd(directory, sizeof directory));
    self[length] = 0;
    show_link("exe", self);
    snprintf(path, sizeof path, "%s/below", directory);
    show_link("cwd", path);
    show_link("root", "/");
    snprintf(path, sizeof path, "%s/file", directory);
    show_link("fd/40", path);
    show_link("fd/39", path);
    show_line("fdinfo/40", "pos:");
    show_line("fdinfo/40", "flags:");
    show_entries("task");
    show_entries("fd");
    show_entries("fdinfo");

    int parent, group, session, nice, threads;
    char name[32], state;
    CHECK(sscanf(contents("stat"), "%*d (%31[^)]) %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %d %d", name, &state,
                 &parent, &group, &session, &nice, &threads) == 7);
    printf("stat: %s %c, parent %d, group %d, session %d, nice %d, threads %d\n", name, state, parent == getpid(), group == pid,
           session == getsid(0), nice, threads);
    static const char *const lines[] = { "Name:", "Umask:", "State:", "Uid:", "Gid:", "Threads:", "SigPnd:", "ShdPnd:", "SigBlk:",
                                         "SigCgt:", "NoNewPrivs:" };
    for (int i = 0; i < 11; i++)
        show_line("status", lines[i]);
    char *ignored = strstr(contents("status"), "SigIgn:\t");
    CHECK(ignored);
    unsigned long set = strtoul(ignored + 8, 0, 16);
    printf("ignored: USR1 %d, TERM %d\n", (int)(set >> (SIGUSR1 - 1) & 1), (int)(set >> (SIGTERM - 1) & 1));
    printf("status: process %d, thread group %d, parent %d\n", number_after("status", "\nPid:\t") == pid,
           number_after("status", "Tgid:\t") == pid, number_after("status", "PPid:\t") == getpid());
    printf("memory: %d, resident %d\n", number_after("status", "VmSize:") >= 64 << 10, number_after("status", "VmRSS:") >= 8 << 10);
    long size, resident;
    CHECK(sscanf(contents("statm"), "%ld %ld", &size, &resident) == 2);
    printf("statm: %d %d\n", size >= 64 << 8, resident >= 8 << 8);
    show_line("limits", "Max open files");
    show_line("limits", "Limit");
    printf("maps: program %d, stack %d\n", strstr(contents("maps"), self) != 0, strstr(contents("maps"), "[stack]") != 0);
    static const char *const io[] = { "rchar: ", "wchar: ", "syscr: ", "syscw: ", "read_bytes: ", "write_bytes: ", "cancelled_write_bytes: " };
    for (int i = 0; i < 7; i++)
        printf("io: %s%d\n", io[i], number_after("io", io[i]) >= 0);
    printf("written: %d\n", number_after("io", "wchar: ") >= 10);
    printf("mounts: root %d\n", strstr(contents("mounts"), " / ") != 0);
    printf("oom_score: %d\n", atoi(contents("oom_score")) >= 0 && strcmp(text, "ENOENT") != 0);
    printf("oom_score_adj: %s", contents("oom_score_adj"));

    /* Its threads. */
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *tasks = opendir(path);
    CHECK(tasks);
    for (struct dirent *entry; (entry = readdir(tasks));) {
        int tid = atoi(entry->d_name);
        if (tid == 0 || tid == pid)
            continue;
        snprintf(path, sizeof path, "task/%d/comm", tid);
        printf("second thread: %s", contents(path));
        snprintf(path, sizeof path, "task/%d/status", tid);
        printf("its id %d, its process's %d\n", number_after(path, "\nPid:\t") == tid, number_after(path, "Tgid:\t") == pid);
        /* A thread's directory can be looked up, but isn't listed. */
        snprintf(path, sizeof path, "/proc/%d/status", tid);
        SHOW(access(path, F_OK));
    }
    closedir(tasks);
    SHOW(access("/proc/1073741823", F_OK));

    if (geteuid() == 0) {
        /* Another user may not look at everything. */
        tell(gate[1]);
        CHECK(setresuid(54321, 54321, 54321) == 0);
        printf("another user: environ %s", contents("environ"));
        printf(", cmdline %s\n", contents("cmdline"));
        show_link("exe", self);
        show_link("cwd", self);
        show_link("fd/40", self);
    }
    tell(gate[1]);
    tell(gate[1]);
    show_end("child", pid);
    return 0;
}

PROGRAM(test, { "child", child })
