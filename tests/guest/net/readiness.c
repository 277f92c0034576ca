// build: -pthread
/* epoll, poll and select over Internet sockets, alone and together with files of the LibOS. */
#include "net.h"
#include <sys/eventfd.h>
#include <sys/select.h>
#include <time.h>

static int epoll;

static void watch(int fd, int events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

static int wait_for(int fd, int millis)
{
    struct epoll_event events[8];
    int count = epoll_wait(epoll, events, 8, millis);
    CHECK(count >= 0);
    int found = 0;
    for (int i = 0; i < count; i++)
        if (events[i].data.fd == fd)
            found = events[i].events;
    return found;
}

static void *connect_later(void *arg)
{
    usleep(50000);
    return (void *)(long)connected_to(*(int *)arg, 0);
}

static void *write_later(void *arg)
{
    usleep(50000);
    CHECK(write(*(int *)arg, "12345678", 8) == 8);
    return NULL;
}

static void with_thread(void *(*body)(void *), int fd, int awaited)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, body, &fd) == 0);
    printf("came: %#x\n", wait_for(awaited, 10000));
    void *made;
    CHECK(pthread_join(thread, &made) == 0);
    if (made)
        CHECK(close((int)(long)made) == 0);
}

int main(void)
{
    int pair[2], pipes[2], event = eventfd(0, 0);
    char bytes[16];
    epoll = epoll_create1(0);
    int listener = listening(AF_INET, SOCK_NONBLOCK);
    tcp_pair(AF_INET, pair);
    CHECK(pipe(pipes) == 0);
    watch(listener, EPOLLIN);
    watch(pipes[0], EPOLLIN);
    watch(pair[1], EPOLLIN | EPOLLRDHUP | EPOLLET);
    watch(event, EPOLLIN);
    printf("nothing: %#x\n", wait_for(listener, 0));
    with_thread(connect_later, listener, listener);
    int other = accept(listener, NULL, NULL);
    CHECK(other >= 0);
    with_thread(write_later, pipes[1], pipes[0]);
    CHECK(read(pipes[0], bytes, 16) == 8);
    with_thread(write_later, event, event);
    CHECK(read(event, bytes, 16) == 8);
    with_thread(write_later, pair[0], pair[1]);
    printf("the edge is past: %#x\n", wait_for(pair[1], 10));
    CHECK(write(pair[0], "x", 1) == 1);
    printf("another edge: %#x\n", wait_for(pair[1], 1000));
    CHECK(read(pair[1], bytes, 16) == 9);
    CHECK(shutdown(pair[0], SHUT_WR) == 0);
    printf("half closed: %#x\n", wait_for(pair[1], 1000));
    struct epoll_event once = {.events = EPOLLIN | EPOLLOUT | EPOLLONESHOT, .data.fd = pair[1]};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_MOD, pair[1], &once) == 0);
    printf("once: %#x\n", wait_for(pair[1], 1000));
    printf("no more: %#x\n", wait_for(pair[1], 10));
    CHECK(close(pair[0]) == 0);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_MOD, pair[1], &once) == 0);
    CHECK(close(pair[1]) == 0);
    printf("closed: %#x\n", wait_for(pair[1], 10));

    /* A duplicate keeps what is watched by the descriptor that is closed. */
    tcp_pair(AF_INET, pair);
    watch(pair[1], EPOLLIN);
    int copy = dup(pair[1]), number = pair[1];
    CHECK(close(pair[1]) == 0);
    CHECK(write(pair[0], "x", 1) == 1);
    printf("by a duplicate: %#x\n", wait_for(number, 1000));
    CHECK(close(copy) == 0);
    printf("closed: %#x\n", wait_for(number, 10));
    CHECK(close(pair[0]) == 0);

    tcp_pair(AF_INET6, pair);
    struct pollfd list[] = {{pair[0], POLLIN | POLLOUT, 0}, {pipes[0], POLLIN, 0}, {pair[1], POLLIN, 0}, {-1, POLLIN, 7}};
    SHOW_VALUE(poll(list, 4, 1000));
    printf("%#x %#x %#x %#x\n", list[0].revents, list[1].revents, list[2].revents, list[3].revents);
    list[0].events = 0;
    SHOW_VALUE(poll(list, 4, 10));
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, write_later, &pair[0]) == 0);
    SHOW_VALUE(poll(list, 4, 10000));
    printf("%#x %#x %#x\n", list[0].revents, list[1].revents, list[2].revents);
    CHECK(pthread_join(thread, NULL) == 0);
    fd_set reads, writes;
    FD_ZERO(&reads);
    FD_ZERO(&writes);
    FD_SET(pair[1], &reads);
    FD_SET(pair[0], &reads);
    FD_SET(pair[0], &writes);
    struct timeval timeout = {5, 0};
    SHOW_VALUE(select(64, &reads, &writes, NULL, &timeout));
    printf("%d %d %d\n", FD_ISSET(pair[1], &reads) != 0, FD_ISSET(pair[0], &reads) != 0, FD_ISSET(pair[0], &writes) != 0);

    /* A hang-up that isn't asked for is told unasked, but doesn't keep from sleeping. */
    int hung_up = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(hung_up >= 0);
    fd_set excepts;
    FD_ZERO(&excepts);
    FD_SET(hung_up, &excepts);
    timeout = (struct timeval){0, 300000};
    struct timespec before, after;
    CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before) == 0);
    SHOW_VALUE(select(64, NULL, NULL, &excepts, &timeout));
    CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after) == 0);
    printf("%d\n", FD_ISSET(hung_up, &excepts) != 0);
    long used = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
    printf("slept: %d\n", used < 150);
    FD_SET(hung_up, &excepts);
    FD_ZERO(&reads);
    FD_SET(pair[0], &reads);
    CHECK(recv(pair[1], (char[8]){0}, 8, MSG_DONTWAIT) == 8);
    CHECK(pthread_create(&thread, NULL, write_later, &pair[1]) == 0);
    SHOW_VALUE(select(64, &reads, NULL, &excepts, NULL));
    CHECK(pthread_join(thread, NULL) == 0);
}
