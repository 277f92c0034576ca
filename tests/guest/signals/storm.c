// Four threads that signal each other and block signals, with timers at short intervals: nothing is lost, nothing breaks.
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include "check.h"

enum { THREADS = 4, ROUNDS = 20000 };
static pid_t tids[THREADS];
static volatile long caught;
static pthread_barrier_t barrier;

static void on_signal(int signal)
{
    char buffer[64];
    memset(buffer, signal, sizeof buffer);
    __atomic_add_fetch(&caught, 1, __ATOMIC_SEQ_CST);
}

static void *work(void *argument)
{
    long index = (long)argument, sum = 0, expected = 0;
    unsigned seed = index;
    double value = 1, again = 1;
    tids[index] = gettid();
    pthread_barrier_wait(&barrier);
    for (int round = 0; round < ROUNDS; round++) {
        int other = rand_r(&seed) % THREADS;
        CHECK(syscall(SYS_tgkill, getpid(), tids[other], SIGUSR1) == 0);
        for (int i = 0; i < 200; i++) {
            sum += i * index;
            value = value * 1.0001 + 0.1;
        }
        for (int i = 0; i < 200; i++) {
            expected += i * index;
            again = again * 1.0001 + 0.1;
        }
        CHECK(sum == expected && value == again);
        if (value > 1e100)
            value = again = 1;
        if (round % 16 == 0) {
            struct timespec time = { 0, 1000 };
            nanosleep(&time, 0);
        }
        if (round % 8 == 0) {
            sigset_t all, old;
            sigfillset(&all);
            pthread_sigmask(SIG_BLOCK, &all, &old);
            kill(getpid(), SIGUSR2);
            pthread_sigmask(SIG_SETMASK, &old, 0);
        }
        void *block = malloc(100 + other * 1000);
        memset(block, 1, 100);
        free(block);
    }
    pthread_barrier_wait(&barrier);
    return 0;
}

int main(void)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    for (int i = 0; i < 5; i++)
        CHECK(sigaction((int[]){ SIGUSR1, SIGUSR2, SIGALRM, SIGPROF, SIGRTMIN }[i], &action, 0) == 0);
    struct itimerval timer = { { 0, 100 }, { 0, 100 } };
    CHECK(setitimer(ITIMER_REAL, &timer, 0) == 0);
    timer.it_interval.tv_usec = timer.it_value.tv_usec = 5000;
    CHECK(setitimer(ITIMER_PROF, &timer, 0) == 0);
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
    timer_t id;
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &id) == 0);
    struct itimerspec often = { { 0, 50000 }, { 0, 50000 } };
    CHECK(timer_settime(id, 0, &often, 0) == 0);
    CHECK(pthread_barrier_init(&barrier, 0, THREADS) == 0);
    pthread_t threads[THREADS];
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(threads + i, 0, work, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], 0) == 0);
    printf("many were caught: %d\n", caught > ROUNDS);
    return 0;
}
