// build: -pthread
// A descriptor that one thread uses again and again, closed, replaced and reopened by another.
#define _GNU_SOURCE
#include "../check.h"
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

static atomic_int turn;
static int fd, pipe_ends[2];

static void pass(int to) {
    atomic_store(&turn, to);
    while (atomic_load(&turn) == to)
        sched_yield();
}

static void *closer(void *unused) {
    (void)unused;
    while (atomic_load(&turn) != 1)
        sched_yield();
    CHECK(close(fd) == 0);
    pass(0);
    int other = eventfd(7, EFD_NONBLOCK);
    CHECK(other == fd);
    pass(0);
    other = eventfd(9, EFD_NONBLOCK);
    CHECK(dup2(other, fd) == fd);
    pass(0);
    CHECK(close(pipe_ends[1]) == 0);
    pass(0);
    CHECK(close_range(fd, fd, 0) == 0);
    atomic_store(&turn, 0);
    return NULL;
}

int main(void) {
    uint64_t count = 1;
    pthread_t thread;
    fd = eventfd(0, EFD_NONBLOCK);
    CHECK(pipe2(pipe_ends, O_NONBLOCK) == 0);
    CHECK(pthread_create(&thread, NULL, closer, NULL) == 0);
    for (int i = 0; i < 3; i++)
        CHECK(write(fd, &count, sizeof count) == sizeof count);
    pass(1);
    SHOW(write(fd, &count, sizeof count));
    pass(1);
    SHOW(read(fd, &count, sizeof count));
    printf("%d\n", (int)count);
    pass(1);
    SHOW(read(fd, &count, sizeof count));
    printf("%d\n", (int)count);
    char byte;
    SHOW(write(pipe_ends[1], "x", 1));
    SHOW(read(pipe_ends[0], &byte, 1));
    SHOW(read(pipe_ends[0], &byte, 1));
    pass(1);
    SHOW(read(pipe_ends[0], &byte, 1)); // The end: what was remembered doesn't keep the writer open.
    pass(1);
    SHOW(read(fd, &count, sizeof count));
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}
