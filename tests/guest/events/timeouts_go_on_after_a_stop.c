// Waits of a process that is stopped and continued time and again: those that Linux goes on with end when their time has
// passed since they began, others fail with EINTR; a handler ends all of them.
#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include "../processes/process.h"

enum { TIMEOUT_MS = 700 };

static int pipes[2], epoll;
static uint32_t word;
static const struct timespec timeout = { 0, TIMEOUT_MS * 1000000L };

static long with_poll(void)
{
    struct pollfd entry = { .fd = pipes[0], .events = POLLIN };
    return poll(&entry, 1, TIMEOUT_MS);
}

static long with_ppoll(void)
{
    struct pollfd entry = { .fd = pipes[0], .events = POLLIN };
    struct timespec left = timeout;
    return syscall(SYS_ppoll, &entry, 1, &left, 0, 8);
}

static long with_ppoll_of_fixed_time(void)
{
    struct pollfd entry = { .fd = pipes[0], .events = POLLIN };
    struct timespec *fixed = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(fixed != MAP_FAILED);
    *fixed = timeout;
    CHECK(mprotect(fixed, 4096, PROT_READ) == 0);
    return syscall(SYS_ppoll, &entry, 1, fixed, 0, 8);
}

static long with_select(void)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(pipes[0], &set);
    struct timeval left = { 0, TIMEOUT_MS * 1000 };
    return syscall(SYS_select, pipes[0] + 1, &set, 0, 0, &left);
}

static long with_pselect(void)
{
    struct timespec left = timeout;
    return syscall(SYS_pselect6, 0, 0, 0, 0, &left, 0);
}

static long with_nanosleep(void)
{
    return nanosleep(&timeout, 0);
}

static long with_futex(void)
{
    return syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &timeout, 0, 0);
}

static long with_epoll(void)
{
    struct epoll_event event;
    return epoll_wait(epoll, &event, 1, TIMEOUT_MS);
}

static long with_sigtimedwait(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    return sigtimedwait(&set, 0, &timeout);
}

static const struct wait {
    const char *name;
    long (*wait)(void);
} waits[] = {
    { "poll", with_poll },
    { "ppoll", with_ppoll },
    { "ppoll of a time that can't be written", with_ppoll_of_fixed_time },
    { "select", with_select },
    { "pselect", with_pselect },
    { "nanosleep", with_nanosleep },
    { "futex", with_futex },
    { "epoll_wait", with_epoll },
    { "sigtimedwait", with_sigtimedwait },
};

enum { WAITS = sizeof waits / sizeof *waits };

static void on_signal(int signal)
{
    (void)signal;
}

static int waiter(char **args)
{
    const struct wait *wait = &waits[atoi(args[0])];
    CHECK(pipe(pipes) == 0 && (epoll = epoll_create1(0)) >= 0);
    set_handler(SIGUSR1, on_signal, SA_RESTART);
    struct timespec start, end;
    tell(atoi(args[1]));
    clock_gettime(CLOCK_MONOTONIC, &start);
    errno = 0;
    long result = wait->wait();
    int error = errno;
    clock_gettime(CLOCK_MONOTONIC, &end);
    double took = end.tv_sec - start.tv_sec + (end.tv_nsec - start.tv_nsec) * 1e-9;
    printf("%s: %ld %s%s\n", wait->name, result, error_name(error), error != EINTR && took < TIMEOUT_MS * 1e-3 ? ", early" : "");
    return 0;
}

/* Sends signals until the child ends, or until it should have long since. */
static void disturb(int index, int with_stops)
{
    int ready[2], status;
    CHECK(pipe(ready) == 0);
    pid_t pid = SPAWN("waiter", text_of(index), text_of(ready[1]));
    await(ready[0]);
    close(ready[0]);
    close(ready[1]);
    for (int i = 0; i < 400; i++) {
        pause_ms(10);
        pid_t got = waitpid(pid, &status, WNOHANG);
        if (got == pid)
            return;
        if (with_stops) {
            kill(pid, SIGSTOP);
            CHECK(waitpid(pid, &status, WUNTRACED) == pid);
            if (!WIFSTOPPED(status))
                return;
            pause_ms(10);
            kill(pid, SIGCONT);
        } else {
            kill(pid, SIGUSR1);
        }
    }
    printf("%s never ends\n", waits[index].name);
    kill(pid, SIGKILL);
    end_of(pid);
}

static int test(void)
{
    puts("stops:");
    for (int i = 0; i < WAITS; i++)
        disturb(i, 1);
    puts("a handler:");
    for (int i = 0; i < WAITS; i++)
        disturb(i, 0);
    SHOW(syscall(SYS_restart_syscall));
    return 0;
}

PROGRAM(test, { "waiter", waiter })
