// rusage and times of children: counted when they're waited for, by the one who waits, with their own children's.
#include <sys/times.h>
#include "process.h"

static double seconds(struct timeval time)
{
    return time.tv_sec + time.tv_usec / 1e6;
}

/* Uses the processor for so many milliseconds. */
static int burn(char **args)
{
    struct timespec now;
    do
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    while (now.tv_sec * 1000 + now.tv_nsec / 1000000 < atoi(args[0]));
    return 0;
}

/* Waits for one child that burns, or leaves it to itself. */
static int middle(char **args)
{
    pid_t pid = SPAWN("burn", args[0]);
    if (args[1])
        end_of(pid);
    else
        await_state(pid, 'Z');
    return 0;
}

static double used(void)
{
    struct rusage usage;
    CHECK(getrusage(RUSAGE_CHILDREN, &usage) == 0);
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

static int test(void)
{
    printf("before: %d\n", used() == 0);
    pid_t pid = SPAWN("burn", "100");
    await_state(pid, 'Z');
    printf("before the wait: %d\n", used() == 0);
    struct rusage usage = { 0 };
    int status;
    CHECK(wait4(pid, &status, 0, &usage) == pid);
    double own = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    printf("after the wait: %d, told by it: %d, memory counted: %d\n", used() >= 0.09 && used() < 2, own >= 0.09 && own < 2,
           usage.ru_maxrss > 0);

    double before = used();
    siginfo_t info;
    pid = SPAWN("burn", "50");
    CHECK(syscall(SYS_waitid, P_PID, pid, &info, WEXITED | WNOWAIT, &usage) == 0);
    own = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    printf("looked at: %d, not counted: %d\n", own >= 0.04 && own < 2, used() == before);
    end_of(pid);
    printf("counted: %d\n", used() >= before + 0.04);

    before = used();
    end_of(SPAWN("middle", "100", "wait"));
    printf("a grandchild's, waited for: %d\n", used() >= before + 0.09);
    before = used();
    end_of(SPAWN("middle", "100"));
    printf("a grandchild's, not waited for: %d\n", used() < before + 0.09);

    struct tms times_used;
    CHECK(times(&times_used) != -1);
    double by_times = (double)(times_used.tms_cutime + times_used.tms_cstime) / sysconf(_SC_CLK_TCK);
    printf("times agrees: %d\n", by_times > used() - 0.1 && by_times < used() + 0.1);

    before = used();
    set_handler(SIGCHLD, SIG_IGN, 0);
    SPAWN("burn", "50");
    CHECK(waitpid(-1, 0, 0) == -1);
    printf("of one that nobody waits for: %d\n", used() < before + 0.04);
    return 0;
}

PROGRAM(test, { "burn", burn }, { "middle", middle })
