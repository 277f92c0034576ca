/* poll, ppoll, select, pselect: what they report, refuse, and write back; masks and timeouts; children and epolls. */
#define _GNU_SOURCE
#include "../check.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

static void *volatile nowhere = (void *)8;
static int fds[2];

static void *writes_later(void *argument)
{
    usleep((long)argument);
    CHECK(write(fds[1], "x", 1) == 1);
    return 0;
}

static void handler(int signal)
{
    (void)signal;
}

static void polls(void)
{
    int file = open("/tmp", O_TMPFILE | O_RDWR, 0600), null = open("/dev/null", O_RDWR), path = open("/", O_PATH);
    struct pollfd entries[] = {{fds[0], POLLIN, 0}, {fds[1], POLLOUT | POLLWRNORM, 0}, {-1, POLLIN, 7},
                               {999, POLLIN, 0},    {file, 0xffff, 0},                 {null, 0xffff, 0},
                               {path, POLLIN, 0}};
    int count = sizeof entries / sizeof *entries;
    SHOW_VALUE(poll(entries, count, -1));
    for (int i = 0; i < count; i++)
        printf("%#x ", entries[i].revents);
    printf("\n");
    SHOW_VALUE(poll(entries, 1, 0));
    SHOW_VALUE(poll(0, 0, 1));
    SHOW_VALUE(poll(nowhere, 1, 0));
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    SHOW_VALUE(syscall(SYS_poll, entries, (unsigned)limit.rlim_cur + 1, 0));
    struct timespec bad = {0, 1000000000}, some = {0, 5000000}, none = {0, 0};
    SHOW_VALUE(syscall(SYS_ppoll, entries, 1, &bad, 0, 8));
    SHOW_VALUE(syscall(SYS_ppoll, entries, 1, nowhere, 0, 8));
    SHOW_VALUE(syscall(SYS_ppoll, entries, 1, &none, &none, 4));
    SHOW_VALUE(syscall(SYS_ppoll, entries, 1, &some, 0, 8));
    printf("left %ld %ld\n", (long)some.tv_sec, some.tv_nsec);
    pthread_t thread;
    pthread_create(&thread, 0, writes_later, (void *)10000L);
    SHOW_VALUE(poll(entries, 1, 5000));
    pthread_join(thread, 0);
    /* The same file twice, and after a dup. */
    int twin = dup(fds[0]);
    struct pollfd both[] = {{fds[0], POLLIN, 0}, {twin, POLLIN, 0}, {fds[0], POLLOUT, 0}};
    SHOW_VALUE(poll(both, 3, 100));
    close(twin);
    char byte;
    CHECK(read(fds[0], &byte, 1) == 1);
}

static void selects(void)
{
    fd_set reads, writes, excepts;
    FD_ZERO(&reads);
    FD_ZERO(&writes);
    FD_ZERO(&excepts);
    FD_SET(fds[0], &reads);
    FD_SET(fds[1], &writes);
    FD_SET(fds[1], &excepts);
    struct timeval time = {0, 10000};
    SHOW_VALUE(select(fds[1] + 1, &reads, &writes, &excepts, &time));
    printf("%d %d %d\n", FD_ISSET(fds[0], &reads) != 0, FD_ISSET(fds[1], &writes) != 0, FD_ISSET(fds[1], &excepts) != 0);
    FD_SET(fds[0], &reads);
    time = (struct timeval){0, 2000};
    SHOW_VALUE(select(fds[0] + 1, &reads, 0, 0, &time));
    printf("%d, left %ld %ld\n", FD_ISSET(fds[0], &reads) != 0, (long)time.tv_sec, (long)time.tv_usec);
    FD_SET(60, &reads);
    SHOW_VALUE(select(61, &reads, 0, 0, 0));
    SHOW_VALUE(select(-1, &reads, 0, 0, 0));
    time = (struct timeval){-1, 0};
    SHOW_VALUE(select(0, 0, 0, 0, &time));
    SHOW_VALUE(select(1, nowhere, 0, 0, 0));
    pthread_t thread;
    pthread_create(&thread, 0, writes_later, (void *)10000L);
    FD_ZERO(&reads);
    FD_SET(fds[0], &reads);
    SHOW_VALUE(select(fds[0] + 1, &reads, 0, 0, 0));
    pthread_join(thread, 0);
    char byte;
    CHECK(read(fds[0], &byte, 1) == 1);
}

static void masks(void)
{
    sigset_t blocked, none;
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, 0);
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, 0);
    struct pollfd entry = {fds[0], POLLIN, 0};
    raise(SIGUSR1);
    SHOW_VALUE(poll(&entry, 1, 1));
    SHOW_VALUE(ppoll(&entry, 1, 0, &none));
    raise(SIGUSR1);
    fd_set reads;
    FD_ZERO(&reads);
    FD_SET(fds[0], &reads);
    SHOW_VALUE(pselect(fds[0] + 1, &reads, 0, 0, 0, &none));
    /* What is ready comes before the signal. */
    raise(SIGUSR1);
    CHECK(write(fds[1], "x", 1) == 1);
    SHOW_VALUE(ppoll(&entry, 1, 0, &none));
    char byte;
    CHECK(read(fds[0], &byte, 1) == 1);
}

/* An epoll that a child inherits is the same epoll. */
static void children(void)
{
    int epoll = epoll_create1(0), event = eventfd(0, 0), done = eventfd(0, 0);
    struct epoll_event interest = {.events = EPOLLIN, .data.u64 = 1}, found;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, event, &interest) == 0);
    fflush(stdout);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(epoll_wait(epoll, &found, 1, 5000) == 1 && found.data.u64 == 1);
        int own = eventfd(1, 0);
        interest.data.u64 = 2;
        CHECK(epoll_ctl(epoll, EPOLL_CTL_DEL, event, 0) == 0);
        CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, own, &interest) == 0);
        CHECK(eventfd_write(done, 1) == 0);
        eventfd_t value;
        CHECK(eventfd_read(event, &value) == 0);
        _exit(7);
    }
    usleep(20000);
    CHECK(eventfd_write(event, 1) == 0);
    eventfd_t value;
    CHECK(eventfd_read(done, &value) == 0);
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    printf("child %d\n", WEXITSTATUS(status));
    /* Its own file went with it. */
    SHOW_VALUE(epoll_wait(epoll, &found, 1, 0));
    SHOW(epoll_ctl(epoll, EPOLL_CTL_MOD, event, &interest));
    /* A pipe to a child: end of file when it ends. */
    int ends[2];
    CHECK(pipe(ends) == 0);
    child = fork();
    if (child == 0) {
        CHECK(write(ends[1], "hello", 5) == 5);
        _exit(0);
    }
    close(ends[1]);
    char buffer[10];
    CHECK(read(ends[0], buffer, 10) == 5);
    struct pollfd entry = {ends[0], POLLIN, 0};
    SHOW_VALUE(poll(&entry, 1, 5000));
    printf("%#x\n", entry.revents);
    SHOW_VALUE(read(ends[0], buffer, 10));
    CHECK(waitpid(child, &status, 0) == child);
}

int main(void)
{
    CHECK(pipe(fds) == 0);
    polls();
    selects();
    masks();
    children();
}
