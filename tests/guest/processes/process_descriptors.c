// pidfd_open, pidfd_send_signal, pidfd_getfd: uses, errors, permission, and that a pid used again isn't meant.
#include <sys/pidfd.h>
#include "process.h"

static volatile int got;
static siginfo_t last;

static void handler(int signal, siginfo_t *info, void *context)
{
    (void)context;
    got = signal;
    last = *info;
}

static int child(char **args)
{
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
    CHECK(sigaction(SIGUSR1, &action, 0) == 0 && sigaction(SIGUSR2, &action, 0) == 0);
    tell(atoi(args[0]));
    for (;;) {
        while (!got)
            pause_ms(1);
        if (got == SIGUSR2)
            return 2;
        printf("USR1: code %d, from parent %d, value %d\n", last.si_code, last.si_pid == getppid(), last.si_value.sival_int);
        got = 0;
        tell(atoi(args[0]));
    }
}

static int holder(char **args)
{
    int file = open("file", O_RDWR | O_CREAT | O_APPEND, 0600);
    CHECK(dup2(file, 50) == 50 && write(50, "held", 4) == 4);
    tell(atoi(args[0]));
    await(atoi(args[1]));
    printf("position of the holder: %ld\n", (long)lseek(50, 0, SEEK_CUR));
    return 0;
}

static int unprivileged(char **args)
{
    CHECK(setresgid(54321, 54321, 54321) == 0 && setresuid(54321, 54321, 54321) == 0);
    pid_t pid = atoi(args[0]);
    int fd = pidfd_open(pid, 0);
    printf("open by another user: %d\n", fd >= 0);
    SHOW(pidfd_send_signal(fd, SIGTERM, 0, 0));
    SHOW(pidfd_send_signal(fd, 0, 0, 0));
    SHOW(pidfd_getfd(fd, 50, 0));
    return 0;
}

static int open_of(pid_t pid, const char *what, int flags)
{
    char path[64];
    snprintf(path, sizeof path, what, pid, pid);
    return open(path, flags | O_RDONLY);
}

/* A directory of /proc is one for signals, and for nothing else. */
static void directories_of_processes(const int ready[2])
{
    pid_t pid = SPAWN("child", text_of(ready[1]));
    await(ready[0]);
    int fd = open_of(pid, "/proc/%d", 0), task = open_of(pid, "/proc/%d/task", 0), comm = open_of(pid, "/proc/%d/comm", 0);
    int path = open_of(pid, "/proc/%d", O_PATH), thread = open_of(pid, "/proc/%d/task/%d", 0);
    int root = open("/proc", O_RDONLY);
    CHECK(fd >= 0 && task >= 0 && comm >= 0 && path >= 0 && thread >= 0 && root >= 0);
    SHOW(pidfd_send_signal(fd, 0, 0, 0));
    SHOW(pidfd_send_signal(task, 0, 0, 0));
    SHOW(pidfd_send_signal(comm, 0, 0, 0));
    SHOW(pidfd_send_signal(path, 0, 0, 0));
    SHOW(pidfd_send_signal(thread, 0, 0, 0));
    SHOW(pidfd_send_signal(root, 0, 0, 0));
    SHOW(pidfd_getfd(fd, 0, 0));
    siginfo_t info;
    SHOW(waitid(P_PIDFD, fd, &info, WEXITED | WNOHANG));
    SHOW(pidfd_send_signal(fd, SIGUSR2, 0, 0));
    show_end("child", pid);
    SHOW(pidfd_send_signal(fd, 0, 0, 0));
}

static int test(void)
{
    SHOW(pidfd_open(getpid(), 1));
    SHOW(pidfd_open(0, 0));
    SHOW(pidfd_open(-1, 0));
    SHOW(pidfd_open(0x3fffffff, 0));
    int self = pidfd_open(getpid(), 0), nonblocking = pidfd_open(getpid(), PIDFD_NONBLOCK);
    CHECK(self >= 0 && nonblocking >= 0);
    printf("flags: %d, %d\n", fcntl(self, F_GETFD), (fcntl(nonblocking, F_GETFL) & O_NONBLOCK) != 0);
    char byte;
    SHOW(read(self, &byte, 1));
    SHOW(write(self, &byte, 1));
    SHOW(pidfd_send_signal(self, 0, 0, 0));
    SHOW(pidfd_send_signal(self, 65, 0, 0));
    SHOW(pidfd_send_signal(self, SIGUSR1, 0, 100));
    SHOW(pidfd_send_signal(0, SIGUSR1, 0, 0));
    SHOW(pidfd_send_signal(1000, SIGUSR1, 0, 0));

    int ready[2], gate[2];
    CHECK(pipe(ready) == 0 && pipe(gate) == 0);
    pid_t pid = SPAWN("child", text_of(ready[1]));
    int fd = pidfd_open(pid, 0);
    await(ready[0]);
    SHOW(pidfd_send_signal(fd, SIGUSR1, 0, 0));
    await(ready[0]);
    siginfo_t info = { .si_signo = SIGUSR1, .si_code = SI_QUEUE };
    info.si_pid = getpid();
    info.si_value.sival_int = 99;
    SHOW(pidfd_send_signal(fd, SIGUSR1, &info, 0));
    await(ready[0]);
    info.si_code = SI_USER;
    SHOW(pidfd_send_signal(fd, SIGUSR1, &info, 0));
    info.si_code = SI_TKILL;
    SHOW(pidfd_send_signal(fd, SIGUSR1, &info, 0));
    info.si_code = SI_QUEUE;
    SHOW(pidfd_send_signal(fd, SIGUSR2, &info, 0));
    SHOW(pidfd_send_signal(fd, SIGUSR2, (siginfo_t *)8, 0));
    SHOW(pidfd_send_signal(fd, SIGUSR2, 0, 0));
    await_state(pid, 'Z');
    SHOW(pidfd_send_signal(fd, 0, 0, 0));
    SHOW(pidfd_open(pid, 0));
    show_end("child", pid);
    SHOW(pidfd_send_signal(fd, 0, 0, 0));
    SHOW(pidfd_open(pid, 0));
    SHOW(pidfd_getfd(fd, 0, 0));

    pid = SPAWN("holder", text_of(ready[1]), text_of(gate[0]));
    await(ready[0]);
    fd = pidfd_open(pid, 0);
    SHOW(pidfd_getfd(fd, 49, 0));
    SHOW(pidfd_getfd(fd, -1, 0));
    SHOW(pidfd_getfd(fd, 50, 1));
    SHOW(pidfd_getfd(0, 50, 0));
    int taken = pidfd_getfd(fd, 50, 0);
    CHECK(taken >= 0);
    printf("close-on-exec %d, appending %d, position %ld\n", fcntl(taken, F_GETFD), (fcntl(taken, F_GETFL) & O_APPEND) != 0,
           (long)lseek(taken, 0, SEEK_CUR));
    CHECK(lseek(taken, 2, SEEK_SET) == 2);
    if (geteuid() == 0)
        show_end("unprivileged", SPAWN("unprivileged", text_of(pid)));
    tell(gate[1]);
    show_end("holder", pid);
    int own = pidfd_getfd(self, taken, 0);
    directories_of_processes(ready);
    printf("of itself: %d\n", own >= 0 && own != taken);
    return 0;
}

PROGRAM(test, { "child", child }, { "holder", holder }, { "unprivileged", unprivileged })
