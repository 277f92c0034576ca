// SIGCHLD: its siginfo for an end, a kill, a dump, a stop and a continue; SA_NOCLDSTOP; one signal for several ends.
#include "process.h"

static volatile int count;
static siginfo_t last;

static void handler(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    last = *info;
    count++;
}

static int quit(char **args)
{
    struct rlimit core = { 0, RLIM_INFINITY };
    if (args[1])
        core.rlim_cur = RLIM_INFINITY;
    setrlimit(RLIMIT_CORE, &core);
    int number = atoi(args[0]);
    if (number < 0)
        kill(getpid(), -number);
    return number;
}

static int unprivileged(char **args)
{
    (void)args;
    CHECK(setresuid(54321, 54321, 54321) == 0);
    return 1;
}

static void show(const char *what, pid_t pid)
{
    while (!count)
        pause_ms(1);
    printf("%s: signal %d, errno %d, code %d, right child %d, user %d, status %d\n", what, last.si_signo, last.si_errno,
           last.si_code, last.si_pid == pid, last.si_uid, last.si_status);
    count = 0;
}

static int test(void)
{
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART };
    CHECK(sigaction(SIGCHLD, &action, 0) == 0);
    pid_t pid = SPAWN("quit", "7");
    show("exit", pid);
    end_of(pid);
    pid = SPAWN("quit", text_of(-SIGTERM));
    show("kill", pid);
    end_of(pid);
    pid = SPAWN("quit", text_of(-SIGSEGV));
    show("no dump", pid);
    end_of(pid);
    pid = SPAWN("quit", text_of(-SIGSEGV), "core");
    show("dump", pid);
    end_of(pid);
    pid = SPAWN("unprivileged");
    show("another user", pid);
    end_of(pid);
    pid = SPAWN("quit", text_of(-SIGSTOP));
    show("stop", pid);
    CHECK(kill(pid, SIGKILL) == 0);
    show("kill of the stopped", pid);
    end_of(pid);
    int status;

    /* The continue alone: the process stays. */
    int gate[2];
    CHECK(pipe(gate) == 0);
    pid = SPAWN("quit", text_of(-SIGSTOP));
    show("stop", pid);
    change_mask(SIG_BLOCK, SIGCHLD);
    CHECK(kill(pid, SIGCONT) == 0);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    siginfo_t info;
    CHECK(sigwaitinfo(&set, &info) == SIGCHLD);
    printf("continue: code %d, right child %d, status %d\n", info.si_code, info.si_pid == pid, info.si_status);
    end_of(pid);
    struct timespec now = { 0, 0 };
    while (sigtimedwait(&set, &info, &now) > 0)
        continue;

    /* Blocked: one signal is pending for many ends. */
    for (int i = 0; i < 5; i++)
        await_state(SPAWN("quit", "1"), 'Z');
    int pending = 0, children = 0;
    while (sigtimedwait(&set, &info, &now) == SIGCHLD)
        pending++;
    while (waitpid(-1, 0, WNOHANG) > 0)
        children++;
    printf("%d children, %d signals\n", children, pending);
    change_mask(SIG_UNBLOCK, SIGCHLD);

    action.sa_flags |= SA_NOCLDSTOP;
    CHECK(sigaction(SIGCHLD, &action, 0) == 0);
    count = 0;
    pid = SPAWN("quit", text_of(-SIGSTOP));
    CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
    printf("told of the stop: %d\n", count);
    CHECK(kill(pid, SIGCONT) == 0);
    show("only of the end", pid);
    end_of(pid);
    return 0;
}

PROGRAM(test, { "quit", quit }, { "unprivileged", unprivileged })
