// Signals to processes that are just ending, stopping or starting a program: none is lost on another process, no wait hangs.
// build: -O0
#include <pthread.h>
#include <stdatomic.h>
#include "process.h"

static int quit(char **args)
{
    return atoi(args[0]);
}

static int exec_again(char **args)
{
    int left = atoi(args[0]);
    if (left == 0)
        return 12;
    execv("/proc/self/exe", (char *[]){ "self", "exec", text_of(left - 1), 0 });
    return 1;
}

static _Atomic pid_t target;
static atomic_int finished;

/* Stops and continues the target at any moment. The target is waited for by the other thread alone, so its id may be gone. */
static void *disturb(void *argument)
{
    while (!finished) {
        pid_t pid = target;
        if (pid > 0 && pid == target)
            kill(pid, SIGSTOP), kill(pid, SIGCONT);
        sched_yield();
    }
    return argument;
}

static int test(void)
{
    int killed = 0, ended = 0, wrong = 0;
    for (int i = 0; i < 500; i++) {
        pid_t pid = SPAWN("quit", "11");
        for (int spins = i * 100; spins; spins--)
            __asm__ volatile("");
        CHECK(kill(pid, i % 3 ? SIGTERM : SIGUSR1) == 0);
        int status = end_of(pid);
        killed += WIFSIGNALED(status) && WTERMSIG(status) == (i % 3 ? SIGTERM : SIGUSR1);
        ended += WIFEXITED(status) && WEXITSTATUS(status) == 11;
        wrong += kill(pid, 0) == 0;
    }
    printf("all told: %d, still there: %d\n", killed + ended == 500, wrong);

    killed = ended = 0;
    for (int i = 0; i < 100; i++) {
        pid_t pid = SPAWN("exec", "5");
        pause_ms(i % 8);
        CHECK(kill(pid, SIGKILL) == 0);
        int status = end_of(pid);
        killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        ended += WIFEXITED(status) && WEXITSTATUS(status) == 12;
    }
    printf("all told: %d\n", killed + ended == 100);

    pthread_t thread;
    CHECK(pthread_create(&thread, 0, disturb, 0) == 0);
    ended = 0;
    for (int i = 0; i < 100; i++) {
        pid_t pid = SPAWN("exec", "2");
        target = pid;
        siginfo_t info;
        CHECK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT) == 0);
        target = 0;
        int status = end_of(pid);
        ended += WIFEXITED(status) && WEXITSTATUS(status) == 12;
    }
    finished = 1;
    CHECK(pthread_join(thread, 0) == 0);
    printf("stopped and continued: %d ended\n", ended);
    return 0;
}

PROGRAM(test, { "quit", quit }, { "exec", exec_again })
