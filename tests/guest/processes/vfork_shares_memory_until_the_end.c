// vfork: the child runs in the parent's memory; the parent goes on when the child has ended or started a program.
// build: -O0
#include "process.h"

static volatile int shared, handled, handled_early;

static int quiet(char **args)
{
    return atoi(args[0]);
}

static void on_signal(int signal)
{
    handled = signal;
}

static int test(void)
{
    forbid_core();
    char *quiet_7[] = { "self", "quiet", "7", 0 };
    pid_t self = getpid();

    volatile pid_t seen_parent = 0, seen_self = 0;
    pid_t pid = vfork();
    CHECK(pid >= 0);
    if (pid == 0) {
        shared = 1;
        seen_parent = getppid();
        seen_self = getpid();
        pause_ms(20);
        shared = 2;
        _exit(3);
    }
    printf("after the child's end: %d, parent %d, id %d\n", shared, seen_parent == self, seen_self == pid);
    show_end("ended by itself", pid);

    pid = vfork();
    CHECK(pid >= 0);
    if (pid == 0) {
        shared = 3;
        execv("/proc/self/exe", quiet_7);
        _exit(127);
    }
    printf("after exec: %d\n", shared);
    show_end("ended as a program", pid);

    volatile int error = 0;
    pid = vfork();
    CHECK(pid >= 0);
    if (pid == 0) {
        execv("/no/such/program", quiet_7);
        error = errno;
        execv("/etc/passwd", quiet_7);
        error = error * 1000 + errno;
        _exit(8);
    }
    printf("failed exec: %d\n", error == ENOENT * 1000 + EACCES);
    show_end("after a failed exec", pid);

    pid = vfork();
    CHECK(pid >= 0);
    if (pid == 0) {
        kill(getpid(), SIGKILL);
        _exit(9);
    }
    show_end("killed itself", pid);

    pid = vfork();
    CHECK(pid >= 0);
    if (pid == 0) {
        *(volatile int *)8 = 1;
        _exit(9);
    }
    show_end("wrote nowhere", pid);

    /* A child of a child. */
    volatile int inner_status = -1;
    pid = vfork();
    CHECK(pid >= 0);
    if (pid == 0) {
        volatile pid_t inner = vfork();
        if (inner == 0) {
            shared = 10;
            execv("/proc/self/exe", quiet_7);
            _exit(127);
        }
        int status;
        if (waitpid(inner, &status, 0) == inner)
            inner_status = status;
        shared++;
        _exit(5);
    }
    printf("nested: %d, inner %s\n", shared, status_text(inner_status));
    show_end("outer", pid);

    /* Signals for the waiting parent are handled when it goes on. */
    set_handler(SIGUSR1, on_signal, 0);
    pid = vfork();
    CHECK(pid >= 0);
    if (pid == 0) {
        kill(self, SIGUSR1);
        pause_ms(30);
        handled_early = handled;
        _exit(0);
    }
    printf("handled while waiting: %d, afterwards: %d\n", handled_early, handled == SIGUSR1);
    show_end("sender", pid);

    /* What the child has a copy of. */
    set_handler(SIGUSR2, SIG_DFL, 0);
    pid = vfork();
    CHECK(pid >= 0);
    if (pid == 0) {
        struct sigaction action = { .sa_handler = SIG_IGN };
        sigaction(SIGUSR2, &action, 0);
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_BLOCK, &all, 0);
        struct rlimit limit = { 77, 77 };
        setrlimit(RLIMIT_NOFILE, &limit);
        _exit(chdir("/") != 0 || close(0) != 0 || umask(0111) == 0111);
    }
    show_end("changed its own", pid);
    struct sigaction action;
    CHECK(sigaction(SIGUSR2, 0, &action) == 0);
    sigset_t mask;
    CHECK(sigprocmask(SIG_SETMASK, 0, &mask) == 0);
    char directory[4096];
    CHECK(getcwd(directory, sizeof directory));
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    printf("disposition kept %d, mask kept %d, directory kept %d, descriptor kept %d, umask kept %d, limit kept %d\n",
           action.sa_handler == SIG_DFL, !sigismember(&mask, SIGTERM), strcmp(directory, "/") != 0,
           fcntl(0, F_GETFD) != -1, umask(022) != 0111, limit.rlim_cur != 77);
    SHOW(waitpid(-1, 0, WNOHANG));
    return 0;
}

PROGRAM(test, { "quiet", quiet })
