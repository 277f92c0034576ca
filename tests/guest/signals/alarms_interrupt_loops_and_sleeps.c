// An alarm interrupts a busy loop, a sleep, a blocking read and a wait; SA_RESTART restarts what may be restarted.
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>
#include "check.h"

static volatile int ticks;
static int ends[2];

static void on_alarm(int signal)
{
    (void)signal;
    ticks++;
}

static void on_alarm_write(int signal)
{
    (void)signal;
    if (++ticks == 3)
        CHECK(write(ends[1], "x", 1) == 1);
}

static void arm(int once)
{
    /* Again and again, so that one which comes too early does no harm. */
    struct itimerval timer = { { 0, once ? 0 : 5000 }, { 0, 5000 } };
    CHECK(setitimer(ITIMER_REAL, &timer, 0) == 0);
}

static void disarm(void)
{
    struct itimerval timer = { { 0, 0 }, { 0, 0 } };
    CHECK(setitimer(ITIMER_REAL, &timer, 0) == 0);
}

int main(void)
{
    struct sigaction action = { .sa_handler = on_alarm };
    CHECK(sigaction(SIGALRM, &action, 0) == 0);
    arm(1);
    while (!ticks)
        ;
    puts("busy loop interrupted");

    arm(0);
    struct timespec time = { 50, 0 }, left = { 0, 0 };
    SHOW(nanosleep(&time, &left));
    printf("time left: %d\n", left.tv_sec >= 20 && left.tv_sec < 50);
    left.tv_sec = 0;
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &time, &left) == EINTR);
    printf("time left: %d\n", left.tv_sec >= 20 && left.tv_sec < 50);
    SHOW(pause());
    SHOW(poll(0, 0, 50000));
    CHECK(pipe(ends) == 0);
    char byte;
    SHOW_VALUE(read(ends[0], &byte, 1));
    sem_t semaphore;
    CHECK(sem_init(&semaphore, 0, 0) == 0);
    SHOW(sem_wait(&semaphore));
    disarm();

    /* With SA_RESTART a read goes on until there is something; a sleep never does. */
    ticks = 0;
    action.sa_handler = on_alarm_write;
    action.sa_flags = SA_RESTART;
    CHECK(sigaction(SIGALRM, &action, 0) == 0);
    arm(0);
    SHOW_VALUE(read(ends[0], &byte, 1));
    printf("restarted: %d\n", ticks >= 3);
    SHOW(nanosleep(&time, 0));
    SHOW(pause());
    disarm();

    /* A blocked alarm interrupts nothing. */
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    sigprocmask(SIG_BLOCK, &set, 0);
    arm(1);
    time = (struct timespec){ 0, 30000000 };
    SHOW(nanosleep(&time, 0));
    ticks = 0;
    sigprocmask(SIG_UNBLOCK, &set, 0);
    printf("delivered at once when unblocked: %d\n", ticks);
    return 0;
}
