// What execve keeps (id, group, mask, pending and ignored signals, limits, …) and what it resets (handlers, stack, name, …).
#include <sys/prctl.h>
#include <sys/time.h>
#include "process.h"

static void handler(int signal)
{
    (void)signal;
}

static const char *disposition(int signal)
{
    struct sigaction action;
    CHECK(sigaction(signal, 0, &action) == 0);
    return action.sa_handler == SIG_DFL ? "default" : action.sa_handler == SIG_IGN ? "ignored" : "handler";
}

static int report(char **args)
{
    printf("same id %d, parent %d, group %d, session %d\n", getpid() == atoi(args[0]), getppid() == atoi(args[1]),
           getpgrp() == atoi(args[2]), getsid(0) == atoi(args[3]));
    printf("thread id is the process's: %d\n", gettid() == getpid());
    printf("USR1 %s, USR2 %s, CHLD %s, TERM %s, RTMIN %s\n", disposition(SIGUSR1), disposition(SIGUSR2),
           disposition(SIGCHLD), disposition(SIGTERM), disposition(SIGRTMIN));
    struct sigaction action;
    CHECK(sigaction(SIGUSR1, 0, &action) == 0);
    printf("its flags %#x, its mask empty %d\n", action.sa_flags & ~0x04000000, sigismember(&action.sa_mask, SIGTERM) == 0);
    sigset_t mask, pending;
    CHECK(sigprocmask(SIG_SETMASK, 0, &mask) == 0 && sigpending(&pending) == 0);
    printf("blocked: HUP %d RTMIN %d INT %d; pending: HUP %d RTMIN %d INT %d\n", sigismember(&mask, SIGHUP),
           sigismember(&mask, SIGRTMIN), sigismember(&mask, SIGINT), sigismember(&pending, SIGHUP),
           sigismember(&pending, SIGRTMIN), sigismember(&pending, SIGINT));
    struct timespec now = { 0, 0 };
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, SIGRTMIN);
    siginfo_t info;
    for (int number; (number = sigtimedwait(&one, &info, &now)) > 0;)
        printf("queued: RTMIN with %d\n", info.si_value.sival_int);
    stack_t stack;
    CHECK(sigaltstack(0, &stack) == 0);
    printf("alternate stack: %d\n", stack.ss_flags != SS_DISABLE);
    char name[17] = "";
    CHECK(prctl(PR_GET_NAME, name) == 0);
    int death = 0, reaper = -1;
    CHECK(prctl(PR_GET_PDEATHSIG, &death) == 0 && prctl(PR_GET_CHILD_SUBREAPER, &reaper) == 0);
    printf("name '%s', death signal %d, subreaper %d, no new privileges %d, keep capabilities %d, dumpable %d\n", name, death, reaper,
           prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), prctl(PR_GET_KEEPCAPS), prctl(PR_GET_DUMPABLE));
    printf("timer slack %d\n", prctl(PR_GET_TIMERSLACK));
    printf("descriptors: %d %d %d\n", fcntl(20, F_GETFD), fcntl(21, F_GETFD), fcntl(22, F_GETFD));
    printf("offset %ld\n", (long)lseek(20, 0, SEEK_CUR));
    char directory[4096];
    CHECK(getcwd(directory, sizeof directory));
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    errno = 0;
    printf("directory %s, umask %o, limit %ld, nice %d\n", strrchr(directory, '/'), umask(022), (long)limit.rlim_cur,
           getpriority(PRIO_PROCESS, 0));
    struct itimerval timer;
    CHECK(getitimer(ITIMER_REAL, &timer) == 0);
    printf("timer armed %d\n", timer.it_value.tv_sec != 0);
    printf("environment: %s, %s\n", getenv("KEPT") ?: "-", getenv("HOME") ?: "-");
    cpu_set_t set;
    CHECK(sched_getaffinity(0, sizeof set, &set) == 0);
    printf("processors %d\n", CPU_COUNT(&set));
    return 0;
}

static int change_and_exec(char **args)
{
    (void)args;
    struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART | SA_NODEFER | SA_ONSTACK };
    sigaddset(&action.sa_mask, SIGTERM);
    CHECK(sigaction(SIGUSR1, &action, 0) == 0);
    set_handler(SIGUSR2, SIG_IGN, 0);
    set_handler(SIGCHLD, SIG_IGN, 0);
    set_handler(SIGRTMIN, handler, 0);
    change_mask(SIG_BLOCK, SIGHUP);
    change_mask(SIG_BLOCK, SIGRTMIN);
    CHECK(kill(getpid(), SIGHUP) == 0);
    for (int i = 1; i <= 3; i++)
        CHECK(sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = i }) == 0);
    static char stack[1 << 16];
    stack_t alternate = { .ss_sp = stack, .ss_size = sizeof stack };
    CHECK(sigaltstack(&alternate, 0) == 0);
    CHECK(prctl(PR_SET_NAME, "renamed") == 0 && prctl(PR_SET_PDEATHSIG, SIGUSR2) == 0);
    CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_KEEPCAPS, 1) == 0 && prctl(PR_SET_DUMPABLE, 0) == 0 && prctl(PR_SET_TIMERSLACK, 123456) == 0);
    CHECK(mkdir("below", 0777) == 0);
    int file = open("file", O_RDWR | O_CREAT, 0666);
    CHECK(file >= 0 && write(file, "12345", 5) == 5);
    CHECK(dup2(file, 20) == 20 && dup3(file, 21, O_CLOEXEC) == 21 && dup2(file, 22) == 22);
    CHECK(fcntl(22, F_SETFD, FD_CLOEXEC) == 0);
    CHECK(chdir("below") == 0);
    umask(017);
    struct rlimit limit = { 100, 200 };
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK(setpriority(PRIO_PROCESS, 0, 3) == 0);
    struct itimerval timer = { { 0, 0 }, { 100, 0 } };
    CHECK(setitimer(ITIMER_REAL, &timer, 0) == 0);
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(sched_getcpu(), &set);
    CHECK(sched_setaffinity(0, sizeof set, &set) == 0);
    CHECK(setpgid(0, 0) == 0);
    char *arguments[] = { "self", "report", text_of(getpid()), text_of(getppid()), text_of(getpgrp()), text_of(getsid(0)), 0 };
    char *environment[] = { "KEPT=yes", 0 };
    execve("/proc/self/exe", arguments, environment);
    return 1;
}

static int test(void)
{
    show_end("end", SPAWN("change"));
    return 0;
}

PROGRAM(test, { "change", change_and_exec }, { "report", report })
