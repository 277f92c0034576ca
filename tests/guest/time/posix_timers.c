// timer_create and its kin: notification, overruns, absolute times, clocks of processor time, errors.
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include "check.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static int create(clockid_t clock, struct sigevent *event)
{
    int id = -1;
    return syscall(SYS_timer_create, clock, event, &id) == 0 ? id : -1;
}

static struct itimerspec every(long first_ns, long interval_ns)
{
    return (struct itimerspec){ { interval_ns / 1000000000, interval_ns % 1000000000 },
                                { first_ns / 1000000000, first_ns % 1000000000 } };
}

static int settime(int id, int flags, struct itimerspec spec, struct itimerspec *old)
{
    return syscall(SYS_timer_settime, id, flags, &spec, old);
}

static void sleep_ms(long ms)
{
    struct timespec time = { ms / 1000, ms % 1000 * 1000000 };
    while (nanosleep(&time, &time) != 0)
        ;
}

static volatile int caught_in_main, caught_in_other;
static pthread_t main_thread;

static void on_signal(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context, (void)info;
    if (pthread_equal(pthread_self(), main_thread))
        caught_in_main++;
    else
        caught_in_other++;
}

static volatile int other_tid, stop;

static void *other(void *argument)
{
    other_tid = gettid();
    while (!stop)
        sleep_ms(1);
    return argument;
}

int main(void)
{
    main_thread = pthread_self();
    int signal_of_timer = SIGRTMIN + 3;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal_of_timer);
    sigaddset(&set, SIGALRM);
    CHECK(sigprocmask(SIG_BLOCK, &set, 0) == 0);

    /* A queued signal tells which timer, what value, and how often it expired meanwhile. */
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = signal_of_timer };
    event.sigev_value.sival_int = 4711;
    int timer = create(CLOCK_MONOTONIC, &event);
    CHECK(timer >= 0);
    CHECK(settime(timer, 0, every(1000000, 1000000), 0) == 0);
    sleep_ms(50);
    siginfo_t info;
    SHOW_VALUE(sigwaitinfo(&set, &info) == signal_of_timer);
    printf("code %d, value %d, timer %d, overrun %d\n", info.si_code == SI_TIMER, info.si_value.sival_int,
           info.si_timerid == timer, info.si_overrun >= 20);
    printf("getoverrun agrees: %d\n", syscall(SYS_timer_getoverrun, timer) == info.si_overrun);
    SHOW_VALUE(sigwaitinfo(&set, &info) == signal_of_timer);
    struct itimerspec now;
    SHOW(syscall(SYS_timer_gettime, timer, &now));
    printf("armed %d, interval %ld\n", now.it_value.tv_nsec > 0, (long)now.it_interval.tv_nsec);
    SHOW(settime(timer, 0, every(0, 0), &now));
    printf("old interval %ld\n", (long)now.it_interval.tv_nsec);
    SHOW(syscall(SYS_timer_gettime, timer, &now));
    printf("disarmed %d\n", now.it_value.tv_sec == 0 && now.it_value.tv_nsec == 0);
    struct timespec none = { 0, 0 };
    while (sigtimedwait(&set, &info, &none) > 0)
        ;

    /* At a point of time, in the future and in the past. */
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += 5000000;
    if (at.tv_nsec >= 1000000000)
        at.tv_nsec -= 1000000000, at.tv_sec++;
    SHOW(settime(timer, TIMER_ABSTIME, (struct itimerspec){ { 0, 0 }, at }, 0));
    SHOW_VALUE(sigwaitinfo(&set, &info) == signal_of_timer);
    struct timespec after;
    clock_gettime(CLOCK_MONOTONIC, &after);
    printf("not before: %d\n", after.tv_sec > at.tv_sec || (after.tv_sec == at.tv_sec && after.tv_nsec >= at.tv_nsec));
    SHOW(settime(timer, TIMER_ABSTIME, every(1, 0), 0));
    SHOW_VALUE(sigwaitinfo(&set, &info) == signal_of_timer);
    printf("overrun of a single one %d\n", info.si_overrun);
    SHOW(syscall(SYS_timer_delete, timer));
    SHOW(syscall(SYS_timer_delete, timer));

    /* Without an event: SIGALRM with the id as value. */
    int plain = create(CLOCK_REALTIME, 0);
    CHECK(plain >= 0 && settime(plain, 0, every(1000000, 0), 0) == 0);
    SHOW_VALUE(sigwaitinfo(&set, &info));
    printf("value is the id: %d\n", info.si_value.sival_int == plain);
    CHECK(syscall(SYS_timer_delete, plain) == 0);

    /* Two timers with the same standard signal: both arrive. */
    struct sigevent alarm_event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
    int first = create(CLOCK_MONOTONIC, &alarm_event), second = create(CLOCK_BOOTTIME, &alarm_event);
    CHECK(first >= 0 && second >= 0 && first != second);
    CHECK(settime(first, 0, every(1000000, 0), 0) == 0 && settime(second, 0, every(1000000, 0), 0) == 0);
    sleep_ms(20);
    SHOW_VALUE(sigtimedwait(&set, &info, &none));
    SHOW_VALUE(sigtimedwait(&set, &info, &none));
    SHOW_VALUE(sigtimedwait(&set, &info, &none));
    CHECK(syscall(SYS_timer_delete, first) == 0 && syscall(SYS_timer_delete, second) == 0);

    /* Nothing happens, but the time can be asked for. */
    struct sigevent nothing = { .sigev_notify = SIGEV_NONE };
    int silent = create(CLOCK_MONOTONIC, &nothing);
    CHECK(silent >= 0 && settime(silent, 0, every(1000000, 0), 0) == 0);
    sleep_ms(5);
    SHOW(syscall(SYS_timer_gettime, silent, &now));
    printf("silent one ran out %d\n", now.it_value.tv_nsec == 0);
    CHECK(settime(silent, 0, every(1000000, 2000000000), 0) == 0);
    sleep_ms(5);
    SHOW(syscall(SYS_timer_gettime, silent, &now));
    printf("silent one goes on %d\n", now.it_value.tv_sec == 1);

    /* To a certain thread. */
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART };
    CHECK(sigaction(SIGUSR1, &action, 0) == 0);
    pthread_t thread;
    CHECK(pthread_create(&thread, 0, other, 0) == 0);
    while (!other_tid)
        sleep_ms(1);
    struct sigevent to_thread = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1 };
    to_thread.sigev_notify_thread_id = other_tid;
    int directed = create(CLOCK_MONOTONIC, &to_thread);
    CHECK(directed >= 0 && settime(directed, 0, every(1000000, 1000000), 0) == 0);
    while (caught_in_other < 3)
        sleep_ms(1);
    CHECK(syscall(SYS_timer_delete, directed) == 0);
    printf("others caught it: %d\n", caught_in_main);
    stop = 1;
    CHECK(pthread_join(thread, 0) == 0);

    /* Processor time: of the process, of the thread. */
    caught_in_main = 0;
    struct sigevent cpu = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
    int of_process = create(CLOCK_PROCESS_CPUTIME_ID, &cpu), of_thread = create(CLOCK_THREAD_CPUTIME_ID, &cpu);
    CHECK(of_process >= 0 && of_thread >= 0);
    CHECK(settime(of_process, 0, every(10000000, 0), 0) == 0);
    while (caught_in_main < 1)
        ;
    CHECK(settime(of_thread, 0, every(10000000, 0), 0) == 0);
    while (caught_in_main < 2)
        ;
    printf("processor time ran out twice\n");

    /* Errors. */
    struct itimerspec bad = every(1, 0);
    bad.it_value.tv_nsec = 1000000000;
    SHOW(settime(of_thread, 0, bad, 0));
    SHOW(settime(12345, 0, every(1, 0), 0));
    SHOW(syscall(SYS_timer_settime, of_thread, 0, 0, 0));
    SHOW(syscall(SYS_timer_settime, of_thread, 0, 8, 0));
    SHOW(syscall(SYS_timer_gettime, 12345, &now));
    SHOW(syscall(SYS_timer_gettime, of_thread, 8));
    SHOW(syscall(SYS_timer_getoverrun, 12345));
    SHOW(create(100, 0));
    SHOW(create(CLOCK_MONOTONIC_RAW, 0));
    SHOW(create(CLOCK_REALTIME_COARSE, 0));
    SHOW(syscall(SYS_timer_create, CLOCK_REALTIME, 0, 8));
    SHOW(syscall(SYS_timer_create, CLOCK_REALTIME, 8, &timer));
    event.sigev_signo = 65;
    SHOW(create(CLOCK_REALTIME, &event));
    event.sigev_signo = 0;
    SHOW(create(CLOCK_REALTIME, &event));
    event.sigev_notify = 77;
    SHOW(create(CLOCK_REALTIME, &event));
    to_thread.sigev_notify_thread_id = 1 << 22;
    SHOW(create(CLOCK_REALTIME, &to_thread));
    return 0;
}
