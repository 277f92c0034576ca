// build: -pthread
/* A peer that resets the connection, at each stage. */
#include "net.h"

static volatile int pipes;

static void on_pipe(int signal)
{
    (void)signal;
    pipes++;
}

static void reset(int fd)
{
    struct linger now = {1, 0};
    CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
    CHECK(close(fd) == 0);
}

static void *reset_later(void *arg)
{
    usleep(30000);
    reset(*(int *)arg);
    return NULL;
}

static int pending(int fd)
{
    int error = 0;
    socklen_t len = sizeof error;
    CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0);
    return error;
}

/* What is left of a connection. */
static void show_rest(int fd)
{
    char byte;
    struct address peer = {.len = sizeof peer.storage};
    pipes = 0;
    SHOW_VALUE(read(fd, &byte, 1));
    SHOW_VALUE(write(fd, "x", 1));
    printf("signals: %d, pending: %s\n", pipes, error_name(pending(fd)));
    printf("ready: %#x\n", ready(fd, POLLIN | POLLOUT | POLLRDHUP));
    SHOW(getpeername(fd, raw(&peer), &peer.len));
    SHOW(shutdown(fd, SHUT_WR));
    CHECK(close(fd) == 0);
}

int main(void)
{
    int pair[2];
    char buffer[64];
    static char block[1 << 16];
    pthread_t thread;
    signal(SIGPIPE, on_pipe);

    printf("- before it's accepted\n");
    int listener = listening(AF_INET, 0);
    reset(connected_to(listener, 0));
    int fd = accept(listener, NULL, NULL);
    SHOW(read(fd, buffer, 1));
    show_rest(fd);
    CHECK(close(listener) == 0);

    printf("- before it's looked at\n");
    tcp_pair(AF_INET, pair);
    reset(pair[0]);
    CHECK(ready(pair[1], POLLIN) & POLLERR);
    printf("ready: %#x\n", ready(pair[1], POLLIN | POLLOUT | POLLRDHUP));
    printf("pending: %s\n", error_name(pending(pair[1])));
    show_rest(pair[1]);

    printf("- before something is written\n");
    tcp_pair(AF_INET, pair);
    reset(pair[0]);
    CHECK(ready(pair[1], POLLIN) & POLLERR);
    SHOW(write(pair[1], "x", 1));
    show_rest(pair[1]);

    printf("- with something to be read\n");
    tcp_pair(AF_INET, pair);
    CHECK(write(pair[0], "last words", 10) == 10);
    CHECK(ready(pair[1], POLLIN) & POLLIN);
    reset(pair[0]);
    CHECK(ready(pair[1], 0) & POLLERR);
    SHOW_VALUE(read(pair[1], buffer, 4));
    SHOW_VALUE(recv(pair[1], buffer, 64, MSG_WAITALL));
    SHOW(read(pair[1], buffer, 64));
    show_rest(pair[1]);

    printf("- while somebody reads\n");
    tcp_pair(AF_INET, pair);
    CHECK(pthread_create(&thread, NULL, reset_later, &pair[0]) == 0);
    SHOW(read(pair[1], buffer, 64));
    CHECK(pthread_join(thread, NULL) == 0);
    show_rest(pair[1]);

    printf("- while somebody writes\n");
    tcp_pair(AF_INET, pair);
    while (send(pair[1], block, sizeof block, MSG_DONTWAIT) > 0) {
    }
    CHECK(pthread_create(&thread, NULL, reset_later, &pair[0]) == 0);
    pipes = 0;
    SHOW(write(pair[1], block, sizeof block));
    printf("signals: %d\n", pipes);
    CHECK(pthread_join(thread, NULL) == 0);
    show_rest(pair[1]);

    printf("- while somebody waits\n");
    tcp_pair(AF_INET, pair);
    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, pair[1], &event) == 0);
    CHECK(pthread_create(&thread, NULL, reset_later, &pair[0]) == 0);
    CHECK(epoll_wait(epoll, &event, 1, 10000) == 1);
    CHECK(pthread_join(thread, NULL) == 0);
    printf("events: %#x\n", event.events);
    SHOW(send(pair[1], "x", 1, MSG_NOSIGNAL));
    show_rest(pair[1]);
    CHECK(close(epoll) == 0);

    printf("- by an answer to what is sent to who has closed\n");
    tcp_pair(AF_INET, pair);
    CHECK(close(pair[0]) == 0);
    CHECK(ready(pair[1], POLLIN) & POLLIN);
    printf("ready: %#x\n", ready(pair[1], POLLIN | POLLOUT | POLLRDHUP));
    struct address peer = {.len = sizeof peer.storage};
    SHOW(getpeername(pair[1], raw(&peer), &peer.len));
    SHOW_VALUE(read(pair[1], buffer, 1));
    SHOW_VALUE(send(pair[1], block, sizeof block, 0));
    CHECK(ready(pair[1], 0) & POLLERR);
    printf("ready: %#x\n", ready(pair[1], POLLIN | POLLOUT | POLLRDHUP));
    SHOW_VALUE(read(pair[1], buffer, 1));
    show_rest(pair[1]);

    printf("- after it has itself ended\n");
    tcp_pair(AF_INET, pair);
    CHECK(shutdown(pair[1], SHUT_WR) == 0 && close(pair[0]) == 0);
    CHECK(ready(pair[1], 0) & POLLHUP);
    show_rest(pair[1]);

    printf("- by closing with something unread\n");
    tcp_pair(AF_INET, pair);
    CHECK(write(pair[1], "unread", 6) == 6);
    CHECK(ready(pair[0], POLLIN) & POLLIN);
    CHECK(close(pair[0]) == 0);
    CHECK(ready(pair[1], 0) & POLLERR);
    SHOW(read(pair[1], buffer, 64));
    show_rest(pair[1]);
}
