// PR_SET_PDEATHSIG: the signal when the parent ends; kept by execve, cleared for children.
#include <sys/prctl.h>
#include "process.h"

static volatile int got;

static void handler(int signal, siginfo_t *info, void *context)
{
    (void)context, (void)info;
    got = signal;
}

static int child(char **args)
{
    int inherited = -1;
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
    CHECK(sigaction(SIGUSR1, &action, 0) == 0);
    CHECK(prctl(PR_GET_PDEATHSIG, &inherited) == 0);
    if (args[1])
        CHECK(prctl(PR_SET_PDEATHSIG, atoi(args[1])) == 0);
    pid_t parent = getppid();
    tell(atoi(args[0]));
    while (getppid() == parent)
        pause_ms(1);
    pause_ms(10);
    printf("inherited %d, got %d\n", inherited, got);
    return 0;
}

static int middle(char **args)
{
    int ready[2];
    CHECK(pipe(ready) == 0 && prctl(PR_SET_PDEATHSIG, SIGUSR2) == 0);
    SPAWN("child", text_of(ready[1]), args[0]);
    await(ready[0]);
    return 0;
}

static int lives(char **args)
{
    await(atoi(args[0]));
    return 0;
}

static int dies(char **args)
{
    int ready[2];
    CHECK(pipe(ready) == 0);
    char *arguments[] = { "self", "lives", text_of(ready[0]), 0 };
    pid_t pid = vfork();
    if (pid == 0) {
        /* Set before exec, kept. The parent's wait ends with the exec. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execv("/proc/self/exe", arguments);
        _exit(1);
    }
    (void)args;
    return 0;
}

static int test(void)
{
    SHOW(prctl(PR_SET_PDEATHSIG, 65));
    SHOW(prctl(PR_SET_PDEATHSIG, -1));
    SHOW(prctl(PR_SET_PDEATHSIG, 64));
    SHOW(prctl(PR_SET_PDEATHSIG, 0));
    SHOW(prctl(PR_GET_PDEATHSIG, 8));
    CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    end_of(SPAWN("middle", text_of(SIGUSR1)));
    CHECK(waitpid(-1, 0, 0) > 0);
    end_of(SPAWN("middle", "0"));
    CHECK(waitpid(-1, 0, 0) > 0);
    end_of(SPAWN("dies"));
    int status;
    CHECK(waitpid(-1, &status, 0) > 0);
    printf("set before exec: %s\n", status_text(status));
    return 0;
}

PROGRAM(test, { "child", child }, { "middle", middle }, { "lives", lives }, { "dies", dies })
