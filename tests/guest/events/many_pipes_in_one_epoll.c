/* Thousands of pipes in one epoll, with writers in no order: each event is seen once by edge, and none is lost. */
#define _GNU_SOURCE
#include "../check.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/resource.h>

enum { MOST = 10000, WRITES = 100000 };
static int fds[MOST][2], count = MOST;
static pthread_barrier_t barrier;

static void *writes(void *argument)
{
    unsigned state = (unsigned)(long)argument * 2654435761u + 1;
    for (int i = 0; i < WRITES; i++) {
        state = state * 1664525 + 1013904223;
        CHECK(write(fds[(state >> 8) % count][1], "x", 1) == 1);
    }
    pthread_barrier_wait(&barrier);
    return 0;
}

int main(void)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_cur < 2 * MOST + 100)
        count = (limit.rlim_cur - 100) / 2;
    int epoll = epoll_create1(0);
    for (int i = 0; i < count; i++) {
        CHECK(pipe2(fds[i], O_NONBLOCK) == 0);
        struct epoll_event event = {.events = i % 2 ? EPOLLIN | EPOLLET : EPOLLIN, .data.u32 = i};
        CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i][0], &event) == 0);
    }
    /* One event for each write, one at a time. */
    struct epoll_event events[64];
    unsigned state = 1;
    for (int i = 0; i < 20000; i++) {
        state = state * 1664525 + 1013904223;
        unsigned index = (state >> 8) % count;
        char byte;
        CHECK(write(fds[index][1], "x", 1) == 1);
        CHECK(epoll_wait(epoll, events, 64, 1000) == 1 && events[0].data.u32 == index && events[0].events == EPOLLIN);
        CHECK(read(fds[index][0], &byte, 1) == 1);
        CHECK(epoll_wait(epoll, events, 64, 0) == 0);
    }
    /* Two writers at once: all bytes arrive. */
    pthread_t threads[2];
    pthread_barrier_init(&barrier, 0, 3);
    for (long i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], 0, writes, (void *)(i + 1)) == 0);
    long total = 0;
    while (total < 2 * WRITES) {
        int found = epoll_wait(epoll, events, 64, 10000);
        CHECK(found > 0);
        for (int i = 0; i < found; i++) {
            char bytes[4096];
            long got;
            while ((got = read(fds[events[i].data.u32][0], bytes, sizeof bytes)) > 0)
                total += got;
            CHECK(got == -1 && errno == EAGAIN);
        }
    }
    pthread_barrier_wait(&barrier);
    CHECK(total == 2 * WRITES);
    /* Closing all the writers hangs all pipes up; closing the readers empties the epoll. */
    for (int i = 0; i < count; i++)
        close(fds[i][1]);
    static char seen[MOST];
    int hung_up = 0;
    while (hung_up < count) {
        int found = epoll_wait(epoll, events, 64, 1000);
        CHECK(found > 0);
        for (int i = 0; i < found; i++) {
            int index = events[i].data.u32;
            if (events[i].events != EPOLLHUP)
                continue;
            CHECK(!seen[index]);
            seen[index] = 1;
            hung_up++;
            close(fds[index][0]);
        }
    }
    CHECK(epoll_wait(epoll, events, 64, 0) == 0);
    printf("all events were seen\n");
}
