/* epoll: triggers, one shot, wrong arguments, descriptors closed and dup'ed, nesting, exclusive waits. */
#define _GNU_SOURCE
#include "../check.h"
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

static void *volatile nowhere = (void *)8;

static int new_pipe(int fds[2])
{
    CHECK(pipe2(fds, O_NONBLOCK) == 0);
    return fds[0];
}

static int control(int epoll, int operation, int fd, unsigned events, unsigned long data)
{
    struct epoll_event event = {.events = events, .data.u64 = data};
    return epoll_ctl(epoll, operation, fd, &event);
}

static void show(const char *what, int epoll, int max)
{
    struct epoll_event events[16];
    int count = epoll_wait(epoll, events, max, 0);
    printf("%s:", what);
    if (count < 0)
        printf(" %s", error_name(errno));
    for (int i = 0; i < count; i++)
        printf(" %lu=%#x", (unsigned long)events[i].data.u64, events[i].events);
    printf("\n");
}

static void triggers(void)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC), level[2], edge[2], once[2];
    char buffer[100];
    new_pipe(level);
    new_pipe(edge);
    new_pipe(once);
    CHECK(control(epoll, EPOLL_CTL_ADD, level[0], EPOLLIN, 1) == 0);
    CHECK(control(epoll, EPOLL_CTL_ADD, edge[0], EPOLLIN | EPOLLET, 2) == 0);
    CHECK(control(epoll, EPOLL_CTL_ADD, once[0], EPOLLIN | EPOLLONESHOT, 3) == 0);
    show("nothing", epoll, 16);
    CHECK(write(level[1], "ab", 2) == 2 && write(edge[1], "ab", 2) == 2 && write(once[1], "ab", 2) == 2);
    show("all", epoll, 16);
    show("level only", epoll, 16);
    CHECK(write(edge[1], "c", 1) == 1 && write(once[1], "c", 1) == 1);
    show("another edge", epoll, 16);
    CHECK(read(edge[0], buffer, 1) == 1);
    show("after a read", epoll, 16);
    CHECK(control(epoll, EPOLL_CTL_MOD, once[0], EPOLLIN | EPOLLONESHOT, 33) == 0);
    CHECK(control(epoll, EPOLL_CTL_MOD, edge[0], EPOLLIN | EPOLLET, 22) == 0);
    show("armed again", epoll, 16);
    show("and no more", epoll, 16);
    CHECK(read(level[0], buffer, 100) == 2);
    show("read", epoll, 16);
    close(level[1]);
    close(edge[1]);
    close(once[1]);
    show("hung up", epoll, 16);
    show("hung up again", epoll, 16);
    CHECK(control(epoll, EPOLL_CTL_MOD, level[0], 0, 4) == 0);
    show("asked for nothing", epoll, 16);
    close(epoll);
}

static void edges_of_a_writer(void)
{
    int epoll = epoll_create1(0), fds[2];
    char page[4096] = {0};
    new_pipe(fds);
    CHECK(control(epoll, EPOLL_CTL_ADD, fds[1], EPOLLOUT | EPOLLET, 1) == 0);
    show("writable", epoll, 16);
    show("no edge", epoll, 16);
    CHECK(write(fds[1], page, 10) == 10 && read(fds[0], page, 10) == 10);
    show("never was full", epoll, 16);
    while (write(fds[1], page, sizeof page) > 0)
        ;
    show("full", epoll, 16);
    CHECK(read(fds[0], page, 100) == 100);
    show("a part of a page read", epoll, 16);
    CHECK(read(fds[0], page, 4096) == 4096);
    show("a page read", epoll, 16);
    CHECK(read(fds[0], page, 4096) == 4096);
    show("another", epoll, 16);
    close(fds[0]);
    show("no reader", epoll, 16);
    show("no edge", epoll, 16);
    close(epoll);
}

static void rotation(void)
{
    int epoll = epoll_create1(0);
    for (int i = 0; i < 5; i++) {
        int fd = eventfd(i, EFD_NONBLOCK);
        CHECK(control(epoll, EPOLL_CTL_ADD, fd, EPOLLIN, i) == 0);
    }
    for (int i = 0; i < 4; i++)
        show("two of four", epoll, 2);
    close(epoll);
}

static void wrong_arguments(void)
{
    int epoll = epoll_create1(0), other = epoll_create1(0), fds[2], event = eventfd(1, 0);
    int file = open("/tmp", O_TMPFILE | O_RDWR, 0600), dir = open("/", O_RDONLY), null = open("/dev/null", O_RDWR);
    int path = open("/", O_PATH);
    struct epoll_event events[4];
    new_pipe(fds);
    SHOW(epoll_create(0));
    SHOW(epoll_create(-1));
    SHOW(epoll_create1(1));
    SHOW(control(epoll, EPOLL_CTL_ADD, file, EPOLLIN, 0));
    SHOW(control(epoll, EPOLL_CTL_ADD, dir, EPOLLIN, 0));
    SHOW(control(epoll, EPOLL_CTL_ADD, null, EPOLLIN, 0));
    SHOW(control(epoll, EPOLL_CTL_ADD, path, EPOLLIN, 0));
    SHOW(control(epoll, EPOLL_CTL_ADD, 999, EPOLLIN, 0));
    SHOW(control(999, EPOLL_CTL_ADD, fds[0], EPOLLIN, 0));
    SHOW(control(fds[0], EPOLL_CTL_ADD, fds[1], EPOLLIN, 0));
    SHOW(control(fds[0], EPOLL_CTL_ADD, file, EPOLLIN, 0));
    SHOW(control(epoll, EPOLL_CTL_ADD, epoll, EPOLLIN, 0));
    SHOW(control(epoll, 0, fds[0], EPOLLIN, 0));
    SHOW(control(epoll, 4, fds[0], EPOLLIN, 0));
    SHOW(control(epoll, EPOLL_CTL_MOD, fds[0], EPOLLIN, 0));
    SHOW(control(epoll, EPOLL_CTL_DEL, fds[0], EPOLLIN, 0));
    SHOW(control(epoll, EPOLL_CTL_ADD, fds[0], EPOLLIN, 0));
    SHOW(control(epoll, EPOLL_CTL_ADD, fds[0], EPOLLIN, 0));
    SHOW(epoll_ctl(epoll, EPOLL_CTL_MOD, fds[0], 0));
    SHOW(epoll_ctl(epoll, EPOLL_CTL_MOD, fds[0], nowhere));
    SHOW(epoll_ctl(epoll, EPOLL_CTL_DEL, fds[0], 0));
    SHOW(epoll_ctl(999, EPOLL_CTL_ADD, fds[0], 0));
    SHOW(control(epoll, EPOLL_CTL_ADD, fds[0], EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT, 0));
    SHOW(control(epoll, EPOLL_CTL_ADD, fds[0], EPOLLIN | EPOLLEXCLUSIVE | EPOLLPRI, 0));
    SHOW(control(epoll, EPOLL_CTL_ADD, fds[0], EPOLLIN | EPOLLEXCLUSIVE | EPOLLRDHUP, 0));
    SHOW(control(epoll, EPOLL_CTL_ADD, other, EPOLLIN | EPOLLEXCLUSIVE, 0));
    SHOW(control(epoll, EPOLL_CTL_ADD, fds[0], EPOLLIN | EPOLLEXCLUSIVE | EPOLLET | EPOLLWAKEUP, 0));
    SHOW(control(epoll, EPOLL_CTL_MOD, fds[0], EPOLLIN, 0));
    SHOW(control(epoll, EPOLL_CTL_ADD, fds[1], EPOLLIN, 0));
    SHOW(control(epoll, EPOLL_CTL_MOD, fds[1], EPOLLIN | EPOLLEXCLUSIVE, 0));
    SHOW(control(epoll, EPOLL_CTL_ADD, event, EPOLLIN | EPOLLWAKEUP | 0x00800000, 0));
    SHOW_VALUE(epoll_wait(epoll, events, 0, 0));
    SHOW_VALUE(epoll_wait(epoll, events, -1, 0));
    SHOW_VALUE(epoll_wait(epoll, events, INT_MAX, 0));
    SHOW_VALUE(epoll_wait(epoll, events, INT_MAX / 12 + 1, 0));
    SHOW_VALUE(epoll_wait(epoll, nowhere, 1, 0));
    SHOW_VALUE(epoll_wait(epoll, (void *)-4096, 1, 0));
    SHOW_VALUE(epoll_wait(epoll, events, 4, 0));
    SHOW_VALUE(epoll_wait(fds[0], events, 4, 0));
    SHOW_VALUE(epoll_wait(999, events, 4, 0));
    SHOW_VALUE(syscall(SYS_epoll_pwait, epoll, events, 4, 0, &events, 7));
    SHOW_VALUE(syscall(SYS_epoll_pwait, epoll, events, 4, 0, 0, 7));
    SHOW_VALUE(syscall(SYS_epoll_pwait, epoll, events, 4, 0, 8, 8));
    struct timespec times[] = {{-1, 0}, {0, -1}, {0, 1000000000}, {0, 0}, {LONG_MAX, 0}};
    for (int i = 0; i < 5; i++)
        SHOW_VALUE(syscall(SYS_epoll_pwait2, epoll, events, 4, &times[i], 0, 0));
    SHOW_VALUE(syscall(SYS_epoll_pwait2, epoll, events, 4, 8, 0, 0));
    char buffer[1];
    SHOW_VALUE(read(epoll, buffer, 1));
    SHOW_VALUE(write(epoll, buffer, 1));
    SHOW_VALUE(lseek(epoll, 0, SEEK_SET));
    struct stat status;
    CHECK(fstat(epoll, &status) == 0);
    printf("mode %o size %ld links %ld\n", status.st_mode, (long)status.st_size, (long)status.st_nlink);
    CHECK(fcntl(epoll, F_GETFL) == O_RDWR);
    char link[64] = {0}, name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", epoll);
    CHECK(readlink(name, link, 63) > 0);
    printf("%s\n", link);
    snprintf(name, sizeof name, "/proc/self/fd/%d", event);
    memset(link, 0, sizeof link);
    CHECK(readlink(name, link, 63) > 0);
    printf("%s\n", link);
}

static void a_missing_page_keeps_the_events(void)
{
    int epoll = epoll_create1(0);
    for (int i = 0; i < 4; i++)
        CHECK(control(epoll, EPOLL_CTL_ADD, eventfd(1, 0), EPOLLIN | EPOLLET, i) == 0);
    char *pages = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(munmap(pages + 4096, 4096) == 0);
    struct epoll_event *events = (void *)(pages + 4096 - 24);
    SHOW_VALUE(epoll_wait(epoll, events, 4, 0));
    SHOW_VALUE(epoll_wait(epoll, (void *)(pages + 4096 - 6), 4, 0));
    show("the rest", epoll, 16);
}

static void closed_and_duplicated(void)
{
    int epoll = epoll_create1(0), fds[2];
    new_pipe(fds);
    int twin = dup(fds[0]);
    CHECK(control(epoll, EPOLL_CTL_ADD, fds[0], EPOLLIN, 1) == 0);
    CHECK(control(epoll, EPOLL_CTL_ADD, twin, EPOLLIN, 2) == 0);
    CHECK(write(fds[1], "x", 1) == 1);
    show("both", epoll, 16);
    close(fds[0]);
    show("the closed one is told of as long as its twin is open", epoll, 16);
    SHOW(control(epoll, EPOLL_CTL_DEL, fds[0], 0, 0));
    int again = dup2(twin, fds[0]);
    CHECK(again == fds[0]);
    SHOW(control(epoll, EPOLL_CTL_ADD, again, EPOLLIN, 3));
    SHOW(control(epoll, EPOLL_CTL_MOD, again, EPOLLIN, 4));
    show("modified", epoll, 16);
    close(again);
    close(twin);
    show("both closed", epoll, 16);
    int fresh[2];
    new_pipe(fresh);
    CHECK(write(fresh[1], "x", 1) == 1);
    SHOW(control(epoll, EPOLL_CTL_ADD, fresh[0], EPOLLIN, 5));
    show("a new file by the old number", epoll, 16);
    int other[2];
    new_pipe(other);
    CHECK(dup2(other[0], fresh[0]) == fresh[0]);
    SHOW(control(epoll, EPOLL_CTL_MOD, fresh[0], EPOLLIN, 6));
    show("replaced", epoll, 16);
    CHECK(write(other[1], "x", 1) == 1);
    show("not watched", epoll, 16);
}

static void nested(void)
{
    int chain[8];
    for (int i = 0; i < 8; i++)
        chain[i] = epoll_create1(0);
    int event = eventfd(0, 0);
    CHECK(control(chain[0], EPOLL_CTL_ADD, event, EPOLLIN, 100) == 0);
    for (int i = 0; i < 7; i++)
        SHOW(control(chain[i + 1], EPOLL_CTL_ADD, chain[i], EPOLLIN, i));
    for (int i = 0; i < 5; i++)
        show("quiet", chain[i], 16);
    eventfd_write(event, 1);
    for (int i = 0; i < 5; i++)
        show("ready", chain[i], 16);
    eventfd_t value;
    eventfd_read(event, &value);
    for (int i = 0; i < 5; i++)
        show("quiet again", chain[i], 16);
    SHOW(control(chain[0], EPOLL_CTL_ADD, chain[2], EPOLLIN, 0));
    SHOW(control(chain[0], EPOLL_CTL_ADD, chain[1], EPOLLIN, 0));
    /* From the top down. */
    int down[8];
    for (int i = 0; i < 8; i++)
        down[i] = epoll_create1(0);
    for (int i = 0; i < 7; i++)
        SHOW(control(down[i], EPOLL_CTL_ADD, down[i + 1], EPOLLIN, i));
    /* An inner one that is closed leaves room. */
    close(chain[0]);
    SHOW(control(chain[6], EPOLL_CTL_ADD, chain[5], EPOLLIN, 0));
    struct pollfd entry = {.fd = chain[1], .events = POLLIN};
    SHOW_VALUE(poll(&entry, 1, 0));
    int edge = epoll_create1(0), inner = epoll_create1(0), counter = eventfd(0, 0);
    CHECK(control(edge, EPOLL_CTL_ADD, inner, EPOLLIN | EPOLLET, 7) == 0);
    CHECK(control(inner, EPOLL_CTL_ADD, counter, EPOLLIN, 8) == 0);
    eventfd_write(counter, 1);
    show("edge of an epoll", edge, 16);
    show("no edge", edge, 16);
    eventfd_write(counter, 1);
    show("another", edge, 16);
}

static int shared_epoll;
static void *waits(void *argument)
{
    struct epoll_event event;
    int count = epoll_wait(shared_epoll, &event, 1, 5000);
    (void)argument;
    return (void *)(long)(count == 1 ? event.data.u64 : 0);
}

static void threads_share_an_epoll(void)
{
    pthread_t threads[4];
    shared_epoll = epoll_create1(0);
    int event = eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE);
    CHECK(control(shared_epoll, EPOLL_CTL_ADD, event, EPOLLIN | EPOLLET, 1) == 0);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], 0, waits, 0) == 0);
    usleep(50000);
    for (int i = 0; i < 4; i++) {
        eventfd_write(event, 1);
        usleep(20000);
    }
    long sum = 0;
    for (int i = 0; i < 4; i++) {
        void *result;
        pthread_join(threads[i], &result);
        sum += (long)result;
    }
    printf("%ld threads woken by four edges\n", sum);
}

static void handler(int signal)
{
    (void)signal;
}

static void *closes_later(void *argument)
{
    usleep(30000);
    close(*(int *)argument);
    return 0;
}

static void waits_end(void)
{
    struct epoll_event event;
    int epoll = epoll_create1(0);
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    SHOW_VALUE(epoll_wait(epoll, &event, 1, 20));
    struct timespec nanos = {0, 10000001};
    SHOW_VALUE(syscall(SYS_epoll_pwait2, epoll, &event, 1, &nanos, 0, 0));
    clock_gettime(CLOCK_MONOTONIC, &end);
    CHECK((end.tv_sec - start.tv_sec) * 1000000000 + end.tv_nsec - start.tv_nsec >= 30000001);
    /* A signal that only the wait lets through. */
    sigset_t blocked, none;
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, 0);
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, 0);
    raise(SIGUSR1);
    SHOW_VALUE(epoll_wait(epoll, &event, 1, 0));
    SHOW_VALUE(epoll_pwait(epoll, &event, 1, -1, &none));
    sigset_t mask;
    sigprocmask(SIG_BLOCK, 0, &mask);
    printf("still blocked: %d\n", sigismember(&mask, SIGUSR1));
    /* Closed while a thread waits in it: the wait goes on. */
    pthread_t thread;
    pthread_create(&thread, 0, closes_later, &epoll);
    SHOW_VALUE(epoll_wait(epoll, &event, 1, 100));
    pthread_join(thread, 0);
    SHOW_VALUE(epoll_wait(epoll, &event, 1, 0));
}

int main(void)
{
    triggers();
    edges_of_a_writer();
    rotation();
    wrong_arguments();
    a_missing_page_keeps_the_events();
    closed_and_duplicated();
    nested();
    threads_share_an_epoll();
    waits_end();
}
