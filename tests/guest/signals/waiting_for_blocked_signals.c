// sigtimedwait and its kin: ignored signals, several threads that wait, signals for the process that a thread hands on.
// status: 143
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include "check.h"

static volatile int caught_by, ready;

static void on_signal(int signal)
{
    (void)signal;
    caught_by = gettid();
}

static void *wait_for(void *argument)
{
    int signal;
    __atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
    CHECK(sigwait(argument, &signal) == 0);
    return (void *)(long)signal;
}

static void *unblocked(void *argument)
{
    sigset_t *set = argument;
    CHECK(pthread_sigmask(SIG_UNBLOCK, set, 0) == 0);
    ready = 1;
    while (!caught_by)
        usleep(1000);
    return (void *)(long)(caught_by == gettid());
}

static void *ends(void *argument)
{
    (void)argument;
    return 0;
}

int main(void)
{
    sigset_t set, none;
    sigemptyset(&none);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGURG);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    CHECK(sigprocmask(SIG_BLOCK, &set, 0) == 0);

    /* What is ignored by default is still waited for. */
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGURG);
    pthread_t thread, second;
    void *result;
    CHECK(pthread_create(&thread, 0, wait_for, &child) == 0);
    while (!ready)
        usleep(1000);
    usleep(20000);
    CHECK(kill(getpid(), SIGURG) == 0);
    CHECK(pthread_join(thread, &result) == 0);
    printf("an ignored signal came: %d\n", (int)(long)result == SIGURG);

    /* Two threads wait for the same two signals; each gets one. */
    sigset_t pair;
    sigemptyset(&pair);
    sigaddset(&pair, SIGUSR1);
    sigaddset(&pair, SIGUSR2);
    ready = 0;
    CHECK(pthread_create(&thread, 0, wait_for, &pair) == 0);
    CHECK(pthread_create(&second, 0, wait_for, &pair) == 0);
    while (ready < 2)
        usleep(1000);
    usleep(20000);
    CHECK(kill(getpid(), SIGUSR1) == 0 && kill(getpid(), SIGUSR2) == 0);
    void *other;
    CHECK(pthread_join(thread, &result) == 0 && pthread_join(second, &other) == 0);
    printf("both came: %d\n", (long)result + (long)other == SIGUSR1 + SIGUSR2);

    /* A signal that is pending for the process goes to a thread that unblocks it. */
    CHECK(signal(SIGUSR1, on_signal) != SIG_ERR);
    CHECK(kill(getpid(), SIGUSR1) == 0);
    sigset_t pending;
    CHECK(sigpending(&pending) == 0);
    printf("pending: %d\n", sigismember(&pending, SIGUSR1));
    ready = 0;
    CHECK(pthread_create(&thread, 0, unblocked, &pair) == 0);
    CHECK(pthread_join(thread, &result) == 0);
    printf("the thread that unblocks it has it: %d\n", (int)(long)result);

    /* Ignoring drops what is pending. */
    CHECK(kill(getpid(), SIGUSR2) == 0);
    CHECK(signal(SIGUSR2, SIG_IGN) != SIG_ERR);
    CHECK(sigpending(&pending) == 0);
    printf("pending after it's ignored: %d\n", sigismember(&pending, SIGUSR2));
    CHECK(pthread_create(&thread, 0, ends, 0) == 0 && pthread_join(thread, 0) == 0);

    struct timespec now = { 0, 0 }, bad = { 0, 1000000000 };
    SHOW(sigtimedwait(&pair, 0, &now));
    SHOW(sigtimedwait(&pair, 0, &bad));
    SHOW(syscall(SYS_rt_sigtimedwait, 8, 0, 0, 8));
    SHOW(syscall(SYS_rt_sigtimedwait, &pair, 0, &now, 4));

    /* SA_RESETHAND keeps the flags, and the second one kills. */
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESETHAND | SA_NODEFER }, old;
    CHECK(sigaction(SIGTERM, &action, 0) == 0 && raise(SIGTERM) == 0 && sigaction(SIGTERM, 0, &old) == 0);
    printf("default again: %d, flags kept: %d\n", old.sa_handler == SIG_DFL, (old.sa_flags & SA_RESETHAND) != 0);
    fflush(stdout);
    raise(SIGTERM);
    return 0;
}
