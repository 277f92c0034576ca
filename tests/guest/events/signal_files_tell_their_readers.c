/* A process that waits for its signals by a file is woken by those that others send to it, and by no others'. */
#define _GNU_SOURCE
#include "../check.h"
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static sigset_t usr1(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    return set;
}

static int watch(int file)
{
    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    CHECK(epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, file, &event) == 0);
    return epoll;
}

static pid_t sender(int file)
{
    struct signalfd_siginfo info;
    CHECK(read(file, &info, sizeof info) == sizeof info && info.ssi_signo == SIGUSR1);
    return info.ssi_pid;
}

/* Answers each signal of the parent by one, until it's killed. */
static void answer(int inherited, pid_t parent)
{
    close(inherited);
    sigset_t set = usr1();
    int file = signalfd(-1, &set, 0);
    int epoll = watch(file);
    struct epoll_event event;
    for (;;) {
        CHECK(epoll_wait(epoll, &event, 1, -1) == 1);
        CHECK(sender(file) == parent);
        CHECK(kill(parent, SIGUSR1) == 0);
    }
}

/* Two processes with files of their own, one of which waits for a socket as well. */
static void to_and_fro(int file)
{
    pid_t parent = getpid(), child = fork();
    if (child == 0)
        answer(file, parent);
    int epoll = watch(file);
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = udp};
    CHECK(udp >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, udp, &event) == 0);
    for (int i = 0; i < 1000; i++) {
        CHECK(kill(child, SIGUSR1) == 0);
        CHECK(epoll_wait(epoll, &event, 1, -1) == 1 && event.data.fd != udp);
        CHECK(sender(file) == child);
    }
    close(udp);
    close(epoll);
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, 0, 0) == child);
}

/* A child that waits by the file that it inherits sees its own signals, by whichever call. */
static void inherited(int file)
{
    pid_t parent = getpid(), children[2];
    for (int i = 0; i < 2; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            struct pollfd entry = {.fd = file, .events = POLLIN};
            if (i == 1)
                CHECK(poll(&entry, 1, -1) == 1);
            CHECK(sender(file) == parent);
            _exit(7 + i);
        }
    }
    struct pollfd entry = {.fd = file, .events = POLLIN};
    printf("of nobody %d\n", poll(&entry, 1, 20));
    for (int i = 0; i < 2; i++) {
        int status;
        CHECK(kill(children[i], SIGUSR1) == 0);
        CHECK(waitpid(children[i], &status, 0) == children[i]);
        printf("child %d, of the child's %d\n", WEXITSTATUS(status), poll(&entry, 1, 0));
    }
}

static void *send_to_thread(void *tid)
{
    usleep(20000);
    CHECK(syscall(SYS_tgkill, getpid(), *(pid_t *)tid, SIGUSR1) == 0);
    return 0;
}

/* A thread's own signal is for that thread, which is woken by a file that was made for the process. */
static void of_a_thread(int file)
{
    pid_t tid = gettid();
    pthread_t thread;
    int epoll = watch(file);
    struct epoll_event event;
    CHECK(pthread_create(&thread, 0, send_to_thread, &tid) == 0);
    printf("thread's %d\n", epoll_wait(epoll, &event, 1, -1));
    CHECK(sender(file) == getpid());
    pthread_join(thread, 0);
}

int main(void)
{
    sigset_t set = usr1();
    CHECK(sigprocmask(SIG_BLOCK, &set, 0) == 0);
    int file = signalfd(-1, &set, 0);
    CHECK(file >= 0);
    to_and_fro(file);
    inherited(file);
    of_a_thread(file);
    return 0;
}
