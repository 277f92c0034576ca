// build: -pthread
/* Threads sleep in one epoll of sockets, while files are added, closed and armed again. */
#include "../asleep.h"
#include "net.h"
#include <stdatomic.h>
#include <sys/eventfd.h>

enum { THREADS = 4, EVENTS = 3000, SOCKETS = 8 };

static int epoll, sender, stop;

static int watch(int operation, int fd, unsigned events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    return epoll_ctl(epoll, operation, fd, &event);
}

static void send_to(struct address to)
{
    CHECK(sendto(sender, "x", 1, 0, raw(&to), to.len) == 1);
}

static volatile pid_t sleeper;

static void *wait_once(void *argument)
{
    struct epoll_event event;
    (void)argument;
    sleeper = gettid();
    CHECK(epoll_wait(epoll, &event, 1, -1) == 1);
    return (void *)(long)event.data.fd;
}

static pthread_t start_sleeper(void)
{
    pthread_t thread;
    sleeper = 0;
    CHECK(pthread_create(&thread, NULL, wait_once, NULL) == 0);
    while (sleeper == 0)
        usleep(1000);
    until_asleep(getpid(), sleeper);
    return thread;
}

static int found_by(pthread_t thread)
{
    void *found;
    CHECK(pthread_join(thread, &found) == 0);
    return (int)(long)found;
}

static int new_file(int is_socket)
{
    int fd = is_socket ? bound(AF_INET, SOCK_DGRAM) : eventfd(0, 0);
    CHECK(fd >= 0);
    return fd;
}

/* A file of the one kind is added to an epoll of the other. */
static void added(int has_socket, int is_socket)
{
    int first = new_file(has_socket), second = new_file(is_socket);
    epoll = epoll_create1(0);
    CHECK(watch(EPOLL_CTL_ADD, first, EPOLLIN) == 0);
    pthread_t thread = start_sleeper();
    CHECK(watch(EPOLL_CTL_ADD, second, EPOLLIN) == 0);
    if (is_socket)
        send_to(name_of(second));
    else
        CHECK(eventfd_write(second, 1) == 0);
    printf("added: %d\n", found_by(thread) == second);
    CHECK(close(first) == 0 && close(second) == 0 && close(epoll) == 0);
}

/* An epoll in the one that is slept in gets its first socket. */
static void added_to_inner(void)
{
    int fd = new_file(1), outer = epoll_create1(0);
    epoll = epoll_create1(0);
    int inner = epoll;
    CHECK(epoll_ctl(outer, EPOLL_CTL_ADD, inner, &(struct epoll_event){.events = EPOLLIN, .data.fd = inner}) == 0);
    epoll = outer;
    pthread_t thread = start_sleeper();
    CHECK(epoll_ctl(inner, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN}) == 0);
    send_to(name_of(fd));
    printf("added below: %d\n", found_by(thread) == inner);
    CHECK(close(fd) == 0 && close(inner) == 0 && close(outer) == 0);
}

/* A socket that is watched by two descriptors is closed: nothing more is told of it, but of those that come later. */
static void closed_twice(void)
{
    int other = new_file(1), fd = new_file(1), later = new_file(1), same = dup(fd);
    struct address gone = name_of(fd);
    epoll = epoll_create1(0);
    CHECK(watch(EPOLL_CTL_ADD, other, EPOLLIN) == 0);
    CHECK(watch(EPOLL_CTL_ADD, fd, EPOLLIN) == 0 && watch(EPOLL_CTL_ADD, same, EPOLLIN) == 0);
    pthread_t threads[] = {start_sleeper(), start_sleeper(), start_sleeper()};
    CHECK(close(fd) == 0 && close(same) == 0);
    send_to(gone);
    usleep(20000);
    CHECK(watch(EPOLL_CTL_ADD, later, EPOLLIN) == 0);
    send_to(name_of(later));
    for (int i = 0; i < 3; i++)
        printf("later: %d\n", found_by(threads[i]) == later);
    CHECK(close(other) == 0 && close(later) == 0 && close(epoll) == 0);
}

static atomic_int received, idle_reports;

/* Takes what comes by sockets that report once until they're armed again. */
static void *serve(void *argument)
{
    (void)argument;
    for (;;) {
        struct epoll_event event;
        CHECK(epoll_wait(epoll, &event, 1, -1) == 1);
        int fd = event.data.fd;
        if (fd == stop)
            return NULL;
        char byte;
        if (recv(fd, &byte, 1, MSG_DONTWAIT) == 1)
            atomic_fetch_add(&received, 1);
        else
            atomic_fetch_add(&idle_reports, 1);
        CHECK(watch(EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLONESHOT) == 0);
    }
}

static void one_shots(void)
{
    int sockets[SOCKETS];
    pthread_t threads[THREADS];
    epoll = epoll_create1(0);
    stop = eventfd(0, 0);
    CHECK(watch(EPOLL_CTL_ADD, stop, EPOLLIN) == 0);
    for (int i = 0; i < SOCKETS; i++) {
        sockets[i] = new_file(1);
        CHECK(watch(EPOLL_CTL_ADD, sockets[i], EPOLLIN | EPOLLONESHOT) == 0);
    }
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, serve, NULL) == 0);
    for (int i = 0; i < EVENTS; i++) {
        send_to(name_of(sockets[i * 5 % SOCKETS]));
        // No more than the sockets' queues hold.
        while (i - atomic_load(&received) > 64)
            usleep(100);
    }
    while (atomic_load(&received) < EVENTS)
        usleep(1000);
    CHECK(eventfd_write(stop, 1) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    printf("one shots: %d, in vain %d\n", received, idle_reports);
}

int main(void)
{
    sender = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(sender >= 0);
    for (int kinds = 0; kinds < 4; kinds++)
        added(kinds & 1, kinds >> 1);
    added_to_inner();
    closed_twice();
    one_shots();
    return 0;
}
