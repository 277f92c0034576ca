// clock_gettime and its kin: every clock, monotonic order, resolutions, errors.
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include "check.h"

int main(void)
{
    static const clockid_t clocks[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 };
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        struct timespec a, b, resolution;
        int error = syscall(SYS_clock_gettime, clocks[i], &a) == 0 ? 0 : errno;
        int again = clock_gettime(clocks[i], &b) == 0 ? 0 : errno;
        int ordered = a.tv_sec < b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec <= b.tv_nsec);
        int no_resolution = syscall(SYS_clock_getres, clocks[i], &resolution) == 0 ? 0 : errno;
        printf("clock %d: %s %s", clocks[i], error_name(error), error_name(again));
        if (!error)
            printf(", ordered %d, nanoseconds in range %d", ordered, a.tv_nsec >= 0 && a.tv_nsec < 1000000000);
        if (!no_resolution)
            printf(", resolution %ld s, fine %d", (long)resolution.tv_sec, resolution.tv_nsec == 1);
        printf("\n");
    }
    struct timespec t;
    SHOW(syscall(SYS_clock_gettime, 100, &t));
    SHOW(syscall(SYS_clock_gettime, 0, (void *)8));
    SHOW(syscall(SYS_clock_gettime, 0, 0));
    SHOW(syscall(SYS_clock_getres, 0, 0));
    SHOW(syscall(SYS_clock_getres, 100, 0));
    struct timeval v;
    struct timezone zone;
    SHOW(syscall(SYS_gettimeofday, &v, &zone));
    SHOW(syscall(SYS_gettimeofday, 0, 0));
    SHOW(syscall(SYS_gettimeofday, (void *)8, 0));
    CHECK(labs(time(0) - v.tv_sec) <= 60 && labs(syscall(SYS_time, 0) - v.tv_sec) <= 60);
    clock_gettime(CLOCK_REALTIME, &t);
    CHECK(t.tv_sec > 1700000000);

    /* Processor time passes with work, and only then. */
    struct timespec before, after;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    for (volatile long i = 0; i < 50000000; i++)
        ;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    printf("processor time passed: %d\n", after.tv_sec * 1000000000 + after.tv_nsec - before.tv_sec * 1000000000 - before.tv_nsec > 1000000);
    clockid_t own;
    CHECK(clock_getcpuclockid(0, &own) == 0 && clock_gettime(own, &t) == 0);
    struct tms tms;
    CHECK(times(&tms) != (clock_t)-1);
    printf("times: %d\n", tms.tms_utime + tms.tms_stime >= 0 && tms.tms_cutime == 0);
    SHOW(syscall(SYS_times, (void *)8));
    CHECK(syscall(SYS_times, 0) != -1);
    return 0;
}
