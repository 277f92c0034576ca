// 10,000 signals queued to another process; RLIMIT_SIGPENDING (EAGAIN) counts those of the receiver's user.
#include "process.h"

static volatile int counts[65], sum;

static void handler(int signal, siginfo_t *info, void *context)
{
    (void)context;
    counts[signal]++;
    sum += info->si_value.sival_int;
}

static int receiver(char **args)
{
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
    sigfillset(&action.sa_mask);
    CHECK(sigaction(SIGRTMIN, &action, 0) == 0 && sigaction(SIGUSR1, &action, 0) == 0);
    change_mask(SIG_BLOCK, SIGRTMIN);
    change_mask(SIG_BLOCK, SIGUSR1);
    tell(atoi(args[0]));
    await(atoi(args[1]));
    change_mask(SIG_UNBLOCK, SIGRTMIN);
    change_mask(SIG_UNBLOCK, SIGUSR1);
    printf("received %d of RTMIN, sum %d; %d of USR1\n", counts[SIGRTMIN], sum, counts[SIGUSR1]);
    return 0;
}

/* As a user that nobody else is, since all of a user's count. */
static int test(void)
{
    if (geteuid() == 0)
        CHECK(setresuid(54341, 54341, 54341) == 0);
    int ready[2], gate[2];
    CHECK(pipe(ready) == 0 && pipe(gate) == 0);
    for (int round = 0; round < 2; round++) {
        struct rlimit limit;
        CHECK(getrlimit(RLIMIT_SIGPENDING, &limit) == 0 && limit.rlim_max > 20000);
        limit.rlim_cur = round == 0 ? 20000 : 1000;
        /* That of the receiver counts, which inherits it. */
        CHECK(setrlimit(RLIMIT_SIGPENDING, &limit) == 0);
        pid_t pid = SPAWN("receiver", text_of(ready[1]), text_of(gate[0]));
        await(ready[0]);
        int sent = 0, expected = 0;
        while (sent < 10000 && sigqueue(pid, SIGRTMIN, (union sigval){ .sival_int = sent % 7 }) == 0)
            expected += sent++ % 7;
        printf("sent %d, then %s, sum %d\n", sent, error_name(sent < 10000 ? errno : 0), expected);
        if (round == 1)
            SHOW(sigqueue(pid, SIGUSR1, (union sigval){ .sival_int = 1 }));
        /* A signal below the real-time ones always comes. */
        SHOW(kill(pid, SIGUSR1));
        tell(gate[1]);
        show_end("receiver", pid);
    }
    return 0;
}

PROGRAM(test, { "receiver", receiver })
