/* Which of several threads learns of an event: of those in one epoll the one that came last, of epolls that share a file
 * exclusively the one that was added first, of readers the one that has waited longest. */
// build: -pthread
#define _GNU_SOURCE
#include "../asleep.h"
#include "../check.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { WAITERS = 4, EVENTS = 9 };
enum how { ONE_EPOLL, EXCLUSIVE_EPOLLS, READERS };

static enum how how;
static int ends[2], epolls[WAITERS], told;
static volatile pid_t ids[WAITERS];
static volatile long last;

static void *wait_for_events(void *argument)
{
    long self = (long)argument;
    ids[self] = syscall(SYS_gettid);
    for (;;) {
        struct epoll_event event;
        char byte;
        if (how != READERS)
            CHECK(epoll_wait(epolls[self], &event, 1, -1) == 1);
        CHECK(read(ends[0], &byte, 1) == 1);
        last = self;
        CHECK(eventfd_write(told, 1) == 0);
    }
    return NULL;
}

static void watch(int epoll, unsigned mode)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET | mode};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event) == 0);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        for (enum how each = ONE_EPOLL; each <= READERS; each++) {
            char number[2] = {(char)('0' + each)};
            fflush(stdout);
            pid_t child = vfork();
            if (child == 0) {
                execl("/proc/self/exe", argv[0], number, NULL);
                _exit(127);
            }
            CHECK(child > 0);
            int status;
            CHECK(waitpid(child, &status, 0) == child && status == 0);
        }
        return 0;
    }
    how = (enum how)(argv[1][0] - '0');
    CHECK(pipe2(ends, how == READERS ? 0 : O_NONBLOCK) == 0);
    told = eventfd(0, 0);
    for (int i = 0; i < WAITERS; i++)
        epolls[i] = how == ONE_EPOLL && i > 0 ? epolls[0] : epoll_create1(0);
    if (how == ONE_EPOLL)
        watch(epolls[0], 0);
    for (int i = 0; how == EXCLUSIVE_EPOLLS && i < WAITERS; i++)
        watch(epolls[i], EPOLLEXCLUSIVE);
    for (long i = 0; i < WAITERS; i++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, wait_for_events, (void *)i) == 0);
        while (!ids[i])
            usleep(100);
        until_asleep(getpid(), ids[i]);
    }
    printf("%s:", how == ONE_EPOLL ? "one epoll" : how == READERS ? "readers" : "exclusive epolls");
    for (int i = 0; i < EVENTS; i++) {
        eventfd_t count;
        CHECK(write(ends[1], "x", 1) == 1 && eventfd_read(told, &count) == 0);
        printf(" %ld", last);
        for (int j = 0; j < WAITERS; j++)
            until_asleep(getpid(), ids[j]);
    }
    puts("");
    return 0;
}
