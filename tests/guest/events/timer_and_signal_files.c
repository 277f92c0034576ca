/* timerfd and signalfd: what they count, when they are ready, and what they refuse. */
#define _GNU_SOURCE
#include "../check.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>

static void *volatile nowhere = (void *)8;

static short ready(int fd, int timeout)
{
    struct pollfd entry = {.fd = fd, .events = 0xffff};
    CHECK(poll(&entry, 1, timeout) >= 0);
    return entry.revents;
}

static struct itimerspec spec(long value_ns, long interval_ns)
{
    return (struct itimerspec){{interval_ns / 1000000000, interval_ns % 1000000000},
                               {value_ns / 1000000000, value_ns % 1000000000}};
}

static void timers(void)
{
    int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME};
    for (int i = 0; i < 3; i++) {
        int fd = timerfd_create(clocks[i], TFD_NONBLOCK | TFD_CLOEXEC);
        CHECK(fd >= 0);
        uint64_t ticks = 7;
        struct itimerspec now, soon = spec(200000000, 0), old;
        SHOW_VALUE(read(fd, &ticks, 8));
        printf("ready %#x\n", ready(fd, 0));
        CHECK(timerfd_settime(fd, 0, &soon, &old) == 0);
        printf("before %ld %ld\n", (long)old.it_value.tv_sec, old.it_value.tv_nsec);
        CHECK(timerfd_gettime(fd, &now) == 0);
        CHECK(now.it_value.tv_sec == 0 && now.it_value.tv_nsec > 0 && now.it_value.tv_nsec <= 200000000);
        printf("ready %#x\n", ready(fd, 60000));
        printf("ready %#x\n", ready(fd, 0));
        CHECK(timerfd_gettime(fd, &now) == 0);
        printf("left %ld %ld\n", (long)now.it_value.tv_sec, now.it_value.tv_nsec);
        SHOW_VALUE(read(fd, &ticks, 8));
        printf("ticks %lu\n", (unsigned long)ticks);
        SHOW_VALUE(read(fd, &ticks, 8));
        /* Absolute, in the past, repeating. */
        struct timespec clock;
        CHECK(clock_gettime(clocks[i], &clock) == 0);
        struct itimerspec past = {{100, 0}, {clock.tv_sec - 250, clock.tv_nsec}};
        CHECK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &past, 0) == 0);
        SHOW_VALUE(read(fd, &ticks, 8));
        printf("ticks %lu\n", (unsigned long)ticks);
        CHECK(timerfd_gettime(fd, &now) == 0);
        CHECK(now.it_value.tv_sec >= 48 && now.it_value.tv_sec <= 50);
        printf("interval %ld\n", (long)now.it_interval.tv_sec);
        /* Disarmed. */
        struct itimerspec never = spec(0, 1000);
        CHECK(timerfd_settime(fd, 0, &never, &old) == 0);
        printf("interval %ld\n", (long)old.it_interval.tv_sec);
        printf("ready %#x\n", ready(fd, 5));
        close(fd);
    }
    /* A blocked read, and short intervals. */
    int fd = timerfd_create(CLOCK_MONOTONIC, 0);
    struct itimerspec often = spec(1000000, 1000000);
    uint64_t ticks, total = 0;
    CHECK(timerfd_settime(fd, 0, &often, 0) == 0);
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    while (total < 20) {
        CHECK(read(fd, &ticks, 8) == 8 && ticks > 0);
        total += ticks;
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    CHECK((end.tv_sec - start.tv_sec) * 1000000000 + end.tv_nsec - start.tv_nsec >= (long)(total - 1) * 1000000);
    /* Edges in an epoll: one for each time that it's armed by a read. */
    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
    for (int i = 0; i < 5; i++) {
        CHECK(epoll_wait(epoll, &event, 1, 1000) == 1);
        CHECK(epoll_wait(epoll, &event, 1, 5) == 0);
        CHECK(read(fd, &ticks, 8) == 8 && ticks > 0);
    }
    printf("edges came\n");
}

static void refused(void)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), event = eventfd(0, EFD_NONBLOCK);
    struct itimerspec value = {{0, 0}, {0, 1000000000}}, good = spec(1000000000, 0);
    uint64_t ticks;
    SHOW(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0));
    SHOW(timerfd_create(CLOCK_MONOTONIC_RAW, 0));
    SHOW(timerfd_create(99, 0));
    SHOW(timerfd_create(-1, 0));
    SHOW(timerfd_create(CLOCK_MONOTONIC, 1));
    SHOW(timerfd_settime(fd, 0, &value, 0));
    value = (struct itimerspec){{0, -1}, {1, 0}};
    SHOW(timerfd_settime(fd, 0, &value, 0));
    value = (struct itimerspec){{0, 0}, {-1, 0}};
    SHOW(timerfd_settime(fd, 0, &value, 0));
    SHOW(timerfd_settime(fd, 4, &good, 0));
    SHOW(timerfd_settime(fd, 0, nowhere, 0));
    SHOW(timerfd_settime(fd, 0, &good, nowhere));
    SHOW(timerfd_settime(event, 0, &good, 0));
    SHOW(timerfd_settime(999, 0, &good, 0));
    SHOW(timerfd_gettime(event, &good));
    SHOW(timerfd_gettime(999, &good));
    SHOW(timerfd_gettime(fd, nowhere));
    SHOW_VALUE(read(fd, &ticks, 7));
    SHOW_VALUE(write(fd, &ticks, 8));
    SHOW_VALUE(lseek(fd, 1, SEEK_SET));
    SHOW_VALUE(pread(fd, &ticks, 8, 0));
    SHOW(timerfd_settime(fd, TFD_TIMER_CANCEL_ON_SET, &good, 0));
    /* Event counters. */
    SHOW(eventfd(0, 2));
    SHOW_VALUE(read(event, &ticks, 8));
    SHOW_VALUE(read(event, &ticks, 7));
    SHOW_VALUE(write(event, &ticks, 7));
    ticks = UINT64_MAX;
    SHOW_VALUE(write(event, &ticks, 8));
    ticks = UINT64_MAX - 1;
    SHOW_VALUE(write(event, &ticks, 8));
    printf("ready %#x\n", ready(event, 0));
    ticks = 1;
    SHOW_VALUE(write(event, &ticks, 8));
    ticks = 0;
    SHOW_VALUE(write(event, &ticks, 8));
    SHOW_VALUE(write(event, nowhere, 8));
    SHOW_VALUE(read(event, nowhere, 8));
    SHOW_VALUE(read(event, &ticks, 8));
    printf("ready %#x\n", ready(event, 0));
    int semaphore = eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK);
    char sixteen[16];
    for (int i = 0; i < 4; i++)
        SHOW_VALUE(read(semaphore, sixteen, 16));
    SHOW_VALUE(lseek(semaphore, 0, SEEK_END));
    SHOW_VALUE(pwrite(semaphore, sixteen, 8, 0));
}

static void *blocked(void *argument)
{
    uint64_t value = 0;
    CHECK(read(*(int *)argument, &value, 8) == 8);
    return (void *)value;
}

static void counters_wake_readers_and_writers(void)
{
    int fd = eventfd(0, 0);
    pthread_t thread;
    void *result;
    pthread_create(&thread, 0, blocked, &fd);
    usleep(10000);
    CHECK(eventfd_write(fd, 42) == 0);
    pthread_join(thread, &result);
    printf("read %ld\n", (long)result);
    CHECK(eventfd_write(fd, UINT64_MAX - 1) == 0);
    pthread_create(&thread, 0, blocked, &fd);
    CHECK(eventfd_write(fd, 5) == 0);
    pthread_join(thread, &result);
    eventfd_t rest;
    CHECK(eventfd_read(fd, &rest) == 0);
    printf("rest %lu\n", (unsigned long)rest);
}

static int signals;
static void *reads_a_signal(void *argument)
{
    struct signalfd_siginfo info;
    (void)argument;
    CHECK(read(signals, &info, sizeof info) == sizeof info);
    return (void *)(long)info.ssi_signo;
}

static void signals_are_read(void)
{
    sigset_t mask, none;
    struct signalfd_siginfo info[4];
    sigemptyset(&none);
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    sigaddset(&mask, SIGRTMIN);
    sigaddset(&mask, SIGKILL);
    sigprocmask(SIG_BLOCK, &mask, 0);
    signals = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
    CHECK(signals >= 0);
    SHOW(signalfd(-1, &mask, 1));
    SHOW(signalfd(999, &mask, 0));
    SHOW(signalfd(0, &mask, 0));
    SHOW(signalfd(-2, &mask, 0));
    SHOW_VALUE(read(signals, info, sizeof info));
    SHOW_VALUE(read(signals, info, sizeof *info - 1));
    SHOW_VALUE(write(signals, info, 8));
    printf("ready %#x\n", ready(signals, 0));
    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, signals, &event) == 0);
    CHECK(epoll_wait(epoll, &event, 1, 0) == 0);
    CHECK(kill(getpid(), SIGUSR1) == 0);
    union sigval value = {.sival_int = 77};
    CHECK(sigqueue(getpid(), SIGRTMIN, value) == 0);
    value.sival_int = 78;
    CHECK(sigqueue(getpid(), SIGRTMIN, value) == 0);
    SHOW_VALUE(epoll_wait(epoll, &event, 1, 1000));
    printf("ready %#x\n", ready(signals, 0));
    long count = read(signals, info, sizeof info);
    printf("%ld bytes\n", count);
    for (int i = 0; i < count / (long)sizeof *info; i++)
        printf("signal %d code %d value %d own %d uid %d\n", info[i].ssi_signo == (unsigned)SIGUSR1 ? 1 : 2,
               info[i].ssi_code, info[i].ssi_int, info[i].ssi_pid == (unsigned)getpid(), info[i].ssi_uid == getuid());
    SHOW_VALUE(epoll_wait(epoll, &event, 1, 0));
    /* Another set. */
    sigset_t other;
    sigemptyset(&other);
    sigaddset(&other, SIGUSR2);
    sigprocmask(SIG_BLOCK, &other, 0);
    CHECK(signalfd(signals, &other, 0) == signals);
    raise(SIGUSR1);
    printf("ready %#x\n", ready(signals, 0));
    raise(SIGUSR2);
    printf("ready %#x\n", ready(signals, 0));
    CHECK(read(signals, info, sizeof info) == sizeof *info);
    printf("code %d\n", info[0].ssi_code);
    /* A timer's signal, with a blocked read. */
    CHECK(fcntl(signals, F_SETFL, O_RDWR) == 0);
    timer_t timer;
    struct sigevent notify = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2, .sigev_value.sival_int = 99};
    CHECK(timer_create(CLOCK_MONOTONIC, &notify, &timer) == 0);
    struct itimerspec soon = spec(10000000, 0);
    CHECK(timer_settime(timer, 0, &soon, 0) == 0);
    CHECK(read(signals, info, sizeof info) == sizeof *info);
    printf("code %d value %d\n", info[0].ssi_code, info[0].ssi_int);
    pthread_t thread;
    CHECK(pthread_create(&thread, 0, reads_a_signal, 0) == 0);
    usleep(10000);
    CHECK(kill(getpid(), SIGUSR2) == 0);
    void *result;
    pthread_join(thread, &result);
    printf("read by a thread: %d\n", (long)result == SIGUSR2);
}

int main(void)
{
    timers();
    refused();
    counters_wake_readers_and_writers();
    signals_are_read();
}
