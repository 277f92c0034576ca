// build: -pthread
/* socketpair(AF_UNIX, SOCK_STREAM): transfers, half-closing, resets, readiness, errors. */
#define _GNU_SOURCE
#include "../check.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static char buffer[1 << 20];
static int pair[2];
static volatile int broken;

static void open_pair(int flags)
{
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | flags, 0, pair) == 0);
}

static void close_pair(void)
{
    CHECK(close(pair[0]) == 0);
    CHECK(close(pair[1]) == 0);
}

static void show_ready(const char *when)
{
    struct pollfd entries[2] = {{pair[0], POLLIN | POLLOUT | POLLRDHUP, 0}, {pair[1], POLLIN | POLLOUT | POLLRDHUP, 0}};
    CHECK(poll(entries, 2, 0) >= 0);
    printf("%s: %x %x\n", when, entries[0].revents, entries[1].revents);
}

static void on_pipe(int signal)
{
    (void)signal;
    broken++;
}

static void transfers(void)
{
    char got[16] = {0};
    open_pair(SOCK_NONBLOCK | SOCK_CLOEXEC);
    printf("%x %x\n", fcntl(pair[0], F_GETFL), fcntl(pair[1], F_GETFD));
    struct stat stat;
    CHECK(fstat(pair[0], &stat) == 0);
    printf("%o %ld\n", stat.st_mode, (long)stat.st_size);
    show_ready("fresh");
    SHOW(recv(pair[0], got, 1, 0));
    CHECK(write(pair[0], "abc", 3) == 3);
    CHECK(send(pair[0], "def", 3, MSG_NOSIGNAL) == 3);
    show_ready("sent");
    int count;
    CHECK(ioctl(pair[1], FIONREAD, &count) == 0);
    printf("%d\n", count);
    CHECK(recv(pair[1], got, 4, MSG_PEEK) == 4);
    printf("%s\n", got);
    CHECK(recv(pair[1], got, sizeof got, 0) == 6);
    printf("%s\n", got);
    struct iovec parts[2] = {{"gh", 2}, {"i", 1}};
    CHECK(writev(pair[1], parts, 2) == 3);
    CHECK(read(pair[0], got, 3) == 3);
    printf("%s\n", got);
    while (send(pair[0], buffer, sizeof buffer, 0) > 0)
        ;
    SHOW(send(pair[0], buffer, 1, 0));
    SHOW(lseek(pair[0], 0, SEEK_CUR));
    close_pair();
}

static void half_closing(void)
{
    char got[4];
    open_pair(0);
    CHECK(write(pair[0], "x", 1) == 1);
    SHOW(shutdown(pair[0], SHUT_WR));
    show_ready("shut for writing");
    SHOW(send(pair[0], "y", 1, MSG_NOSIGNAL));
    SHOW(send(pair[0], "y", 0, MSG_NOSIGNAL));
    CHECK(read(pair[1], got, 4) == 1);
    CHECK(read(pair[1], got, 4) == 0);
    CHECK(write(pair[1], "z", 1) == 1);
    CHECK(read(pair[0], got, 4) == 1);
    SHOW(shutdown(pair[0], SHUT_RD));
    show_ready("shut");
    CHECK(read(pair[0], got, 4) == 0);
    SHOW(write(pair[1], "z", 1));
    printf("SIGPIPE %d\n", broken);
    SHOW(shutdown(pair[0], 3));
    close_pair();
}

static void closing(void)
{
    char got[4];
    open_pair(0);
    CHECK(write(pair[0], "left", 4) == 4);
    CHECK(write(pair[1], "read", 4) == 4);
    int watched = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET};
    CHECK(epoll_ctl(watched, EPOLL_CTL_ADD, pair[0], &event) == 0);
    CHECK(epoll_wait(watched, &event, 1, 0) == 1);
    CHECK(epoll_wait(watched, &event, 1, 0) == 0);
    CHECK(close(pair[1]) == 0);
    CHECK(epoll_wait(watched, &event, 1, 0) == 1);
    printf("%x\n", event.events);
    CHECK(recv(pair[0], got, 4, 0) == 4);
    SHOW(recv(pair[0], got, 4, 0));
    CHECK(recv(pair[0], got, 4, 0) == 0);
    SHOW(send(pair[0], got, 4, 0));
    printf("SIGPIPE %d\n", broken);
    CHECK(close(pair[0]) == 0);
    CHECK(close(watched) == 0);
}

static void *sender(void *unused)
{
    (void)unused;
    CHECK(write(pair[0], buffer, sizeof buffer) == sizeof buffer);
    usleep(1000);
    CHECK(shutdown(pair[0], SHUT_WR) == 0);
    return NULL;
}

static void blocking(void)
{
    static char got[sizeof buffer];
    pthread_t thread;
    open_pair(0);
    for (size_t i = 0; i < sizeof buffer; i++)
        buffer[i] = (char)(i * 7 / 3);
    CHECK(pthread_create(&thread, NULL, sender, NULL) == 0);
    CHECK(recv(pair[1], got, sizeof got, MSG_WAITALL) == sizeof got);
    CHECK(memcmp(got, buffer, sizeof got) == 0);
    CHECK(read(pair[1], got, 1) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    close_pair();
}

static void errors(void)
{
    int ends[2];
    SHOW(socketpair(AF_INET, SOCK_STREAM, 0, pair));
    SHOW(socketpair(999, SOCK_STREAM, 0, pair));
    SHOW(socketpair(AF_UNIX, SOCK_STREAM, 5, pair));
    SHOW(socketpair(AF_UNIX, SOCK_STREAM | 1 << 20, 0, pair));
    SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, (int *)8));
    CHECK(pipe(ends) == 0);
    SHOW(send(ends[1], "x", 1, 0));
    SHOW(shutdown(ends[1], SHUT_WR));
    SHOW(shutdown(99, SHUT_WR));
    open_pair(0);
    SHOW(send(pair[0], (void *)8, 1, 0));
    SHOW(send(pair[0], "x", 1, MSG_DONTWAIT | MSG_EOR | MSG_MORE));
    SHOW(recv(pair[1], (void *)8, 1, 0));
    SHOW(recv(pair[1], buffer, 1, MSG_DONTWAIT));
    SHOW(recv(pair[1], buffer, 1, MSG_DONTWAIT));
    close_pair();
}

int main(void)
{
    signal(SIGPIPE, on_pipe);
    transfers();
    half_closing();
    closing();
    blocking();
    errors();
    return 0;
}
