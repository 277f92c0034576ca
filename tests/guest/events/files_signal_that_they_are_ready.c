// O_ASYNC, F_SETOWN, F_SETSIG and their kin: who is signalled when a file becomes ready, with what, and what is refused.
#include <asm/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include "../processes/process.h"

static sigset_t all;

/* Prints the signals that are pending, which are blocked. */
static void show_signals(const char *what)
{
    struct timespec none = { 0, 0 };
    siginfo_t info;
    printf("%s:", what);
    while (sigtimedwait(&all, &info, &none) > 0)
        printf(" (%d code %d band %#lx fd %d)", info.si_signo - (info.si_signo >= SIGRTMIN ? SIGRTMIN - 100 : 0), info.si_code,
               info.si_code == SI_KERNEL ? 0 : (long)info.si_band, info.si_code == SI_KERNEL ? 0 : info.si_fd);
    puts("");
}

static void set_async(int fd, int on)
{
    int flags = fcntl(fd, F_GETFL);
    CHECK(flags >= 0 && fcntl(fd, F_SETFL, on ? flags | O_ASYNC : flags & ~O_ASYNC) == 0);
    printf("O_ASYNC %d\n", (fcntl(fd, F_GETFL) & O_ASYNC) != 0);
}

static void owners(int fd)
{
    struct f_owner_ex owner;
    SHOW_VALUE(fcntl(fd, F_GETOWN));
    SHOW_VALUE(fcntl(fd, F_GETSIG));
    SHOW(fcntl(fd, F_SETOWN, 0x3fffffff));
    SHOW(fcntl(fd, F_SETOWN, -0x3fffffff));
    SHOW(fcntl(fd, F_SETOWN, 0x80000000));
    SHOW(fcntl(fd, F_SETSIG, 65));
    SHOW(fcntl(fd, F_SETSIG, -1));
    SHOW(fcntl(fd, F_SETSIG, SIGRTMIN));
    printf("signal %d\n", fcntl(fd, F_GETSIG) == SIGRTMIN);
    SHOW(fcntl(fd, F_SETSIG, 0));
    SHOW_VALUE(fcntl(fd, F_GETSIG));
    SHOW(fcntl(fd, F_SETOWN, getpid()));
    printf("owner %d\n", fcntl(fd, F_GETOWN) == getpid());
    CHECK(fcntl(fd, F_GETOWN_EX, &owner) == 0);
    printf("type %d, self %d\n", owner.type, owner.pid == getpid());
    SHOW(fcntl(fd, F_SETOWN, -getpgrp()));
    CHECK(fcntl(fd, F_GETOWN_EX, &owner) == 0);
    printf("type %d, group %d\n", owner.type, owner.pid == getpgrp());
    owner = (struct f_owner_ex){ F_OWNER_TID, gettid() };
    SHOW(fcntl(fd, F_SETOWN_EX, &owner));
    CHECK(fcntl(fd, F_GETOWN_EX, &owner) == 0);
    printf("type %d, self %d, %d\n", owner.type, owner.pid == gettid(), fcntl(fd, F_GETOWN) == gettid());
    owner = (struct f_owner_ex){ 3, getpid() };
    SHOW(fcntl(fd, F_SETOWN_EX, &owner));
    owner = (struct f_owner_ex){ F_OWNER_PID, 0x3fffffff };
    SHOW(fcntl(fd, F_SETOWN_EX, &owner));
    SHOW(fcntl(fd, F_SETOWN_EX, (void *)8));
    SHOW(fcntl(fd, F_GETOWN_EX, (void *)8));
    SHOW(fcntl(fd, F_SETOWN, 0));
    SHOW_VALUE(fcntl(fd, F_GETOWN));
}

static void pipes(void)
{
    int fds[2];
    char bytes[4096] = "";
    CHECK(pipe2(fds, O_NONBLOCK) == 0 && dup2(fds[0], 40) == 40 && dup2(fds[1], 41) == 41);
    close(fds[0]);
    close(fds[1]);
    owners(40);
    set_async(40, 1);
    CHECK(write(41, "x", 1) == 1);
    show_signals("nobody owns it");
    CHECK(fcntl(40, F_SETOWN, getpid()) == 0);
    CHECK(write(41, "x", 1) == 1);
    show_signals("written");
    CHECK(read(40, bytes, 2) == 2);
    show_signals("read");
    CHECK(fcntl(40, F_SETSIG, SIGRTMIN + 1) == 0);
    CHECK(write(41, "x", 1) == 1 && write(41, "x", 1) == 1);
    show_signals("written twice");
    CHECK(fcntl(40, F_SETSIG, SIGIO) == 0 && write(41, "x", 1) == 1);
    show_signals("SIGIO with details");
    CHECK(fcntl(40, F_SETSIG, SIGCHLD) == 0 && write(41, "x", 1) == 1);
    show_signals("SIGCHLD");
    CHECK(fcntl(40, F_SETSIG, SIGUSR1) == 0 && write(41, "x", 1) == 1);
    show_signals("SIGUSR1");
    int copy = dup(40);
    close(40);
    CHECK(write(41, "x", 1) == 1);
    show_signals("by the first descriptor");
    set_async(copy, 0);
    CHECK(write(41, "x", 1) == 1);
    show_signals("no longer");
    CHECK(dup2(copy, 40) == 40 && close(copy) == 0);
    CHECK(fcntl(41, F_SETOWN, getpid()) == 0 && fcntl(41, F_SETSIG, SIGRTMIN) == 0);
    set_async(41, 1);
    while (write(41, bytes, sizeof bytes) > 0)
        continue;
    show_signals("full");
    CHECK(read(40, bytes, sizeof bytes) == sizeof bytes);
    show_signals("room");
    close(40);
    show_signals("no reader");
    close(41);
    show_signals("closed");

    CHECK(pipe(fds) == 0 && dup2(fds[0], 40) == 40 && close(fds[0]) == 0);
    CHECK(fcntl(40, F_SETOWN, getpid()) == 0 && fcntl(40, F_SETSIG, SIGRTMIN + 2) == 0);
    int on = 1;
    SHOW(ioctl(40, FIOASYNC, &on));
    printf("O_ASYNC %d\n", (fcntl(40, F_GETFL) & O_ASYNC) != 0);
    SHOW(ioctl(40, FIOASYNC, (void *)8));
    SHOW(ioctl(40, FIOSETOWN, &on));
    /* A signal's details by a signalfd. */
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 2);
    int signals = signalfd(-1, &set, 0);
    struct signalfd_siginfo record;
    CHECK(write(fds[1], "x", 1) == 1);
    CHECK(read(signals, &record, sizeof record) == sizeof record);
    printf("code %d, band %#x, fd %d\n", record.ssi_code, record.ssi_band, record.ssi_fd);
    close(fds[1]);
    show_signals("no writer");
    close(40);
    close(signals);
}

/* These never signal. */
static void others(void)
{
    int event = eventfd(0, EFD_NONBLOCK), file = open("file", O_RDWR | O_CREAT, 0600), on = 1;
    CHECK(fcntl(event, F_SETOWN, getpid()) == 0 && fcntl(file, F_SETOWN, getpid()) == 0);
    set_async(event, 1);
    set_async(file, 1);
    CHECK(eventfd_write(event, 1) == 0 && write(file, "x", 1) == 1);
    show_signals("an eventfd and a regular file");
    set_async(event, 0);
    SHOW(ioctl(event, FIOASYNC, &on));
    SHOW(ioctl(file, FIOASYNC, &on));
    int path = open("file", O_PATH);
    SHOW(fcntl(path, F_SETOWN, getpid()));
    SHOW(fcntl(path, F_GETSIG));
    close(event);
    close(file);
    close(path);
}

static int listener(char **args)
{
    siginfo_t info;
    if (args[1][0] == 'g')
        CHECK(setpgid(0, 0) == 0);
    tell(atoi(args[0]));
    CHECK(sigwaitinfo(&all, &info) == SIGIO);
    printf("told as %s\n", args[1]);
    return 0;
}

static int unprivileged(char **args)
{
    (void)args;
    int fds[2];
    CHECK(setresgid(54321, 54321, 54321) == 0 && setresuid(54321, 54321, 54321) == 0);
    CHECK(pipe(fds) == 0 && fcntl(fds[0], F_SETOWN, getppid()) == 0);
    set_async(fds[0], 1);
    CHECK(write(fds[1], "x", 1) == 1);
    return 0;
}

static void *thread_owner(void *argument)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGIO);
    __atomic_store_n((pid_t *)argument, gettid(), __ATOMIC_SEQ_CST);
    int signal = sigwaitinfo(&set, 0);
    printf("a thread is told: %d\n", signal == SIGIO);
    return 0;
}

static void other_owners(void)
{
    int fds[2], ready[2];
    CHECK(pipe(fds) == 0 && pipe(ready) == 0);
    set_async(fds[0], 1);
    pid_t pid = SPAWN("listener", text_of(ready[1]), "process");
    await(ready[0]);
    CHECK(fcntl(fds[0], F_SETOWN, pid) == 0);
    CHECK(write(fds[1], "x", 1) == 1);
    show_end("process", pid);
    SHOW_VALUE(fcntl(fds[0], F_GETOWN));
    pid = SPAWN("listener", text_of(ready[1]), "group");
    await(ready[0]);
    CHECK(fcntl(fds[0], F_SETOWN, -pid) == 0);
    CHECK(write(fds[1], "x", 1) == 1);
    show_end("group", pid);
    pid_t tid = 0;
    pthread_t thread;
    CHECK(pthread_create(&thread, 0, thread_owner, &tid) == 0);
    while (__atomic_load_n(&tid, __ATOMIC_SEQ_CST) == 0)
        pause_ms(1);
    struct f_owner_ex owner = { F_OWNER_TID, tid };
    CHECK(fcntl(fds[0], F_SETOWN_EX, &owner) == 0 && write(fds[1], "x", 1) == 1);
    CHECK(pthread_join(thread, 0) == 0);
    if (geteuid() == 0)
        show_end("unprivileged", SPAWN("unprivileged"));
    CHECK(sigwaitinfo(&all, 0) == SIGCHLD);
    show_signals("from another user");
}

static void on_io(int signal)
{
    (void)signal;
    if (write(1, "handled\n", 8) != 8)
        abort();
}

/* A handler interrupts the program itself. */
static void handler(void)
{
    int fds[2];
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGIO);
    set_handler(SIGIO, on_io, 0);
    CHECK(pipe(fds) == 0 && fcntl(fds[0], F_SETOWN, getpid()) == 0);
    set_async(fds[0], 1);
    CHECK(sigprocmask(SIG_UNBLOCK, &set, 0) == 0);
    CHECK(write(fds[1], "x", 1) == 1);
    puts("and back");
}

static int test(void)
{
    pipes();
    others();
    other_owners();
    handler();
    return 0;
}

int main(int argc, char **argv)
{
    static const struct role roles[] = { { "listener", listener }, { "unprivileged", unprivileged }, { 0, 0 } };
    sigfillset(&all);
    sigdelset(&all, SIGINT);
    sigdelset(&all, SIGTERM);
    CHECK(sigprocmask(SIG_BLOCK, &all, 0) == 0);
    return play(roles, argc, argv, test);
}
