// sigaction, sigprocmask, sigpending, raise, kill and sigsuspend: order, flags, masks during handlers.
#include <signal.h>
#include <sys/syscall.h>
#include "check.h"

static volatile int order[64], count;
static volatile sigset_t in_handler;

static void note(int signal)
{
    order[count++] = signal;
    sigprocmask(SIG_SETMASK, 0, (sigset_t *)&in_handler);
}

static void show(const char *what)
{
    printf("%s:", what);
    for (int i = 0; i < count; i++)
        printf(" %d", order[i]);
    puts("");
    count = 0;
}

static const char *handler_of(int signal)
{
    struct sigaction action;
    CHECK(sigaction(signal, 0, &action) == 0);
    return action.sa_handler == SIG_DFL ? "default" : action.sa_handler == SIG_IGN ? "ignore" : "handler";
}

int main(void)
{
    struct sigaction action = { .sa_handler = note };
    for (int signal = 1; signal <= 64; signal++) {
        int result = syscall(SYS_rt_sigaction, signal, 0, 0, 8);
        if (result != 0)
            printf("asking for %d: %s\n", signal, error_name(errno));
    }
    SHOW(sigaction(SIGKILL, &action, 0));
    SHOW(sigaction(SIGSTOP, &action, 0));
    SHOW(sigaction(0, &action, 0));
    SHOW(sigaction(65, &action, 0));
    SHOW(syscall(SYS_rt_sigaction, SIGUSR1, 0, 0, 4));
    SHOW(syscall(SYS_rt_sigaction, SIGUSR1, 8, 0, 8));
    SHOW(syscall(SYS_rt_sigaction, SIGUSR1, 0, 8, 8));

    CHECK(sigaction(SIGUSR1, &action, 0) == 0 && sigaction(SIGUSR2, &action, 0) == 0 && sigaction(SIGRTMIN, &action, 0) == 0);
    printf("%s, %s\n", handler_of(SIGUSR1), handler_of(SIGTERM));
    SHOW(raise(SIGUSR1));
    show("raised");
    printf("blocked in its own handler: %d, others: %d\n", sigismember((sigset_t *)&in_handler, SIGUSR1),
           sigismember((sigset_t *)&in_handler, SIGUSR2));
    SHOW(kill(getpid(), SIGUSR2));
    SHOW(syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1));
    SHOW(syscall(SYS_tkill, gettid(), SIGUSR2));
    show("sent");

    sigset_t set, old, pending;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGRTMIN);
    sigaddset(&set, SIGKILL);
    SHOW(sigprocmask(SIG_BLOCK, &set, &old));
    for (int i = 0; i < 3; i++) {
        raise(SIGRTMIN);
        raise(SIGUSR2);
        raise(SIGUSR1);
    }
    show("while blocked");
    SHOW(sigpending(&pending));
    printf("pending: %d %d %d %d\n", sigismember(&pending, SIGUSR1), sigismember(&pending, SIGUSR2),
           sigismember(&pending, SIGRTMIN), sigismember(&pending, SIGTERM));
    sigprocmask(SIG_SETMASK, 0, &set);
    printf("SIGKILL can't be blocked: %d\n", !sigismember(&set, SIGKILL));
    SHOW(sigprocmask(SIG_SETMASK, &old, 0));
    show("released: ordinary ones once, real-time ones each, lowest last");
    SHOW(sigprocmask(99, &set, 0));
    SHOW(syscall(SYS_rt_sigprocmask, SIG_SETMASK, 8, 0, 8));
    SHOW(syscall(SYS_rt_sigprocmask, SIG_SETMASK, 0, 8, 8));
    SHOW(syscall(SYS_rt_sigprocmask, SIG_SETMASK, 0, 0, 16));

    /* SA_NODEFER, SA_RESETHAND and sa_mask. */
    action.sa_flags = SA_NODEFER | SA_RESETHAND;
    CHECK(sigaction(SIGUSR1, &action, 0) == 0);
    raise(SIGUSR1);
    printf("not blocked: %d, then %s\n", sigismember((sigset_t *)&in_handler, SIGUSR1), handler_of(SIGUSR1));
    action.sa_flags = 0;
    sigfillset(&action.sa_mask);
    CHECK(sigaction(SIGUSR1, &action, 0) == 0);
    raise(SIGUSR1);
    printf("all blocked: %d %d\n", sigismember((sigset_t *)&in_handler, SIGTERM), sigismember((sigset_t *)&in_handler, SIGKILL));
    count = 0;

    /* An ignored signal is dropped, also while blocked. */
    CHECK(signal(SIGUSR2, SIG_IGN) != SIG_ERR);
    raise(SIGUSR2);
    printf("ignored: %d, %s\n", count, handler_of(SIGUSR2));
    raise(SIGCHLD);
    raise(SIGURG);
    raise(SIGWINCH);
    raise(SIGCONT);
    puts("ignored by default");

    /* sigsuspend waits with another mask and puts the old one back. */
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &old);
    raise(SIGUSR1);
    SHOW(sigsuspend(&old));
    show("suspended");
    sigprocmask(SIG_SETMASK, 0, &pending);
    printf("blocked again: %d\n", sigismember(&pending, SIGUSR1));

    /* sigwaitinfo takes a signal without its handler. */
    raise(SIGUSR1);
    siginfo_t info;
    SHOW_VALUE(sigwaitinfo(&set, &info));
    printf("code %d, from itself %d\n", info.si_code, info.si_pid == getpid());
    struct timespec time = { 0, 5000000 };
    SHOW_VALUE(sigtimedwait(&set, &info, &time));
    union sigval value = { .sival_int = 4711 };
    SHOW(sigqueue(getpid(), SIGUSR1, value));
    SHOW_VALUE(sigwaitinfo(&set, &info));
    printf("code %d, value %d\n", info.si_code, info.si_value.sival_int);

    SHOW(kill(getpid(), 0));
    SHOW(kill(getpid(), 65));
    SHOW(kill(0x7ffffff, 0));
    SHOW(syscall(SYS_tgkill, getpid(), 0x7ffffff, 0));
    SHOW(syscall(SYS_tgkill, -1, gettid(), 0));
    return 0;
}
