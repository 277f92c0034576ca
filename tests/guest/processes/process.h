/* Processes made without fork: by posix_spawn of this very program in a role of its own, by vfork, and by clone on a
   stack of the child's own in the parent's memory. */
#pragma once
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include "check.h"

extern char **environ;

/* What the program does when it is started again with this name as first argument; `args` are those after it. */
struct role {
    const char *name;
    int (*play)(char **args);
};

static inline int play(const struct role *roles, int argc, char **argv, int (*test)(void))
{
    /* Lines of several processes come out in the order in which they're printed. */
    setvbuf(stdout, 0, _IOLBF, 0);
    if (argc < 2) {
        /* What the caller left open is nobody's business, and would be inherited. */
        close_range(3, ~0u, 0);
        return test();
    }
    for (; roles->name; roles++)
        if (strcmp(roles->name, argv[1]) == 0)
            return roles->play(argv + 2);
    fprintf(stderr, "no role is named %s\n", argv[1]);
    return 99;
}

/* PROGRAM(test, { "name", function }, ...) is the program: `test`, and the roles that it starts itself in. */
#define PROGRAM(test, ...)                                              \
    int main(int argc, char **argv)                                     \
    {                                                                   \
        static const struct role roles[] = { __VA_ARGS__ __VA_OPT__(, ){ 0, 0 } }; \
        return play(roles, argc, argv, test);                           \
    }

static inline void pause_ms(long ms)
{
    struct timespec time = { ms / 1000, ms % 1000 * 1000000 };
    while (nanosleep(&time, &time) == -1 && errno == EINTR)
        continue;
}

/* Starts this program again; returns the pid, or -1 with errno. */
static inline pid_t spawn_with(const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes, char **argv)
{
    pid_t pid;
    fflush(stdout);
    errno = posix_spawn(&pid, "/proc/self/exe", actions, attributes, argv, environ);
    return errno == 0 ? pid : -1;
}

#define SPAWN_WITH(actions, attributes, ...) spawn_with(actions, attributes, (char *[]){ "self", __VA_ARGS__, 0 })
/* SPAWN("role", "argument", ...) must work. */
#define SPAWN(...)                                          \
    ({                                                      \
        pid_t pid_ = SPAWN_WITH(0, 0, __VA_ARGS__);         \
        CHECK(pid_ > 0);                                    \
        pid_;                                               \
    })

/* A number as an argument. */
static inline char *text_of(long number)
{
    static char texts[16][24];
    static int next;
    char *text = texts[next++ % 16];
    snprintf(text, sizeof texts[0], "%ld", number);
    return text;
}

enum { CLONE_STACK = 1 << 16 };

/* Starts a process (or thread) in the caller's memory that runs `child` on a new stack. The stack is never freed. */
static inline pid_t start_clone(unsigned long flags, int (*child)(void *), void *argument)
{
    char *stack = mmap(0, CLONE_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    CHECK(stack != MAP_FAILED);
    return clone(child, stack + CLONE_STACK, (int)flags, argument, 0, 0, 0);
}

/* What a status of wait says. */
static inline const char *status_text(int status)
{
    static char texts[8][40];
    static int next;
    char *text = texts[next++ % 8];
    if (WIFEXITED(status))
        snprintf(text, 40, "exited %d", WEXITSTATUS(status));
    else if (WIFSIGNALED(status))
        snprintf(text, 40, "killed by %d%s", WTERMSIG(status), WCOREDUMP(status) ? ", core dumped" : "");
    else if (WIFSTOPPED(status))
        snprintf(text, 40, "stopped by %d", WSTOPSIG(status));
    else if (WIFCONTINUED(status))
        snprintf(text, 40, "continued");
    else
        snprintf(text, 40, "status %#x", status);
    return text;
}

/* Waits for the child's end; returns its status. */
static inline int end_of(pid_t pid)
{
    int status;
    pid_t got;
    while ((got = waitpid(pid, &status, __WALL)) == -1 && errno == EINTR)
        continue;
    CHECK(got == pid);
    return status;
}

static inline void show_end(const char *what, pid_t pid)
{
    printf("%s: %s\n", what, status_text(end_of(pid)));
}

/* A byte through a pipe: "go on". */
static inline void tell(int fd)
{
    CHECK(write(fd, "x", 1) == 1);
}

static inline void await(int fd)
{
    char byte;
    ssize_t got;
    while ((got = read(fd, &byte, 1)) == -1 && errno == EINTR)
        continue;
    CHECK(got == 1);
}

/* Whether everyone who could write has ended. */
static inline int at_end(int fd)
{
    char byte;
    ssize_t got;
    while ((got = read(fd, &byte, 1)) == -1 && errno == EINTR)
        continue;
    return got == 0;
}

/* The state letter of /proc/PID/stat, 0 if there is none. */
static inline char state_of(pid_t pid)
{
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t length = read(fd, line, sizeof line - 1);
    close(fd);
    if (length <= 0)
        return 0;
    line[length] = 0;
    char *name_end = strrchr(line, ')');
    return name_end ? name_end[2] : 0;
}

static inline void await_state(pid_t pid, char state)
{
    while (state_of(pid) != state)
        pause_ms(1);
}

static inline void set_handler(int signal, void (*handler)(int), int flags)
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = flags };
    CHECK(sigaction(signal, &action, 0) == 0);
}

static inline void change_mask(int how, int signal)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    CHECK(sigprocmask(how, &set, 0) == 0);
}

/* Nobody may dump core, so that a status doesn't depend on the caller's limit. */
static inline void forbid_core(void)
{
    struct rlimit none = { 0, 0 };
    CHECK(setrlimit(RLIMIT_CORE, &none) == 0);
}
