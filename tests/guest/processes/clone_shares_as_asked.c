// A clone in the caller's memory shares descriptors, directory and handlers if asked to, and has copies otherwise.
#include "process.h"

static volatile struct {
    int descriptor, go, error;
} seen;

static void handler(int signal)
{
    (void)signal;
}

/* Changes everything that may be shared. */
static int change(void *argument)
{
    (void)argument;
    seen.descriptor = open("/dev/null", O_RDONLY);
    close(10);
    if (chdir("below") != 0)
        seen.error = 1;
    umask(0123);
    struct sigaction action = { .sa_handler = handler };
    sigaction(SIGUSR1, &action, 0);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, 0);
    return 5;
}

static void try(const char *what, unsigned long flags)
{
    CHECK(dup2(1, 10) == 10);
    umask(022);
    set_handler(SIGUSR1, SIG_DFL, 0);
    seen.descriptor = -1;
    pid_t pid = start_clone(flags | CLONE_VM | SIGCHLD, change, 0);
    CHECK(pid > 0);
    int status = end_of(pid);
    int shares_files = fcntl(10, F_GETFD) == -1;
    CHECK(shares_files == (fcntl(seen.descriptor, F_GETFD) != -1));
    int shares_directory = access("below", F_OK) != 0;
    int shares_umask = umask(022) == 0123;
    struct sigaction action;
    CHECK(sigaction(SIGUSR1, 0, &action) == 0);
    sigset_t mask;
    sigprocmask(SIG_SETMASK, 0, &mask);
    printf("%s: %s; shared: files %d, directory %d, umask %d, handlers %d, mask %d\n", what, status_text(status), shares_files,
           shares_directory, shares_umask, action.sa_handler == handler, sigismember(&mask, SIGUSR2));
    if (shares_files)
        close(seen.descriptor);
    if (shares_directory)
        CHECK(chdir("..") == 0);
    CHECK(seen.error == 0);
}

/* exec gives the process its own descriptors and handlers, but the directory stays shared. */
static int exec_quiet(void *argument)
{
    execv("/proc/self/exe", argument);
    _exit(127);
}

static int quiet(char **args)
{
    return close(atoi(args[0])) == 0 && chdir("below") == 0 ? 0 : 1;
}

static int test(void)
{
    CHECK(mkdir("below", 0777) == 0);
    try("nothing", 0);
    try("FILES", CLONE_FILES);
    try("FS", CLONE_FS);
    try("SIGHAND", CLONE_SIGHAND);
    try("FILES FS", CLONE_FILES | CLONE_FS);
    try("all", CLONE_FILES | CLONE_FS | CLONE_SIGHAND);
    try("all, VFORK", CLONE_VFORK | CLONE_FILES | CLONE_FS | CLONE_SIGHAND);
    try("SYSVSEM, IO", CLONE_SYSVSEM | CLONE_IO);

    CHECK(dup2(1, 10) == 10 && fcntl(10, F_SETFD, 0) == 0);
    int private = open("/dev/null", O_RDONLY | O_CLOEXEC);
    char *arguments[] = { "self", "quiet", "10", 0 };
    set_handler(SIGUSR1, handler, 0);
    pid_t pid = start_clone(CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_FS | CLONE_SIGHAND | SIGCHLD, exec_quiet, arguments);
    CHECK(pid > 0);
    show_end("exec after sharing", pid);
    struct sigaction action;
    CHECK(sigaction(SIGUSR1, 0, &action) == 0);
    printf("the parent's: descriptor %d, closed on exec %d, directory %d, handler %d\n", fcntl(10, F_GETFD) != -1,
           fcntl(private, F_GETFD) != -1, access("below", F_OK) == 0, action.sa_handler == handler);
    return 0;
}

PROGRAM(test, { "quiet", quiet })
