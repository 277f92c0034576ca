// RLIMIT_SIGPENDING: sigqueue is refused, kill isn't, and what was queued arrives in order.
#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include "check.h"

int main(void)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_SIGPENDING, &limit) == 0);
    limit.rlim_cur = 1000;
    CHECK(setrlimit(RLIMIT_SIGPENDING, &limit) == 0);
    int wanted = SIGRTMIN + 1;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, wanted);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMAX);
    CHECK(sigprocmask(SIG_BLOCK, &set, 0) == 0);
    int queued = 0;
    union sigval value;
    while (value.sival_int = queued, queued < 10000 && sigqueue(getpid(), wanted, value) == 0)
        queued++;
    printf("refused: %s, some were queued: %d\n", error_name(errno), queued > 0 && queued <= 1000);
    SHOW(kill(getpid(), SIGRTMAX));
    SHOW(kill(getpid(), SIGUSR1));
    SHOW(sigqueue(getpid(), SIGRTMAX, value));
    struct timespec now = { 0, 0 };
    siginfo_t info;
    SHOW_VALUE(sigtimedwait(&set, &info, &now));
    int in_order = 0;
    for (int i = 0; i < queued; i++) {
        CHECK(sigtimedwait(&set, &info, &now) == wanted);
        in_order += info.si_value.sival_int == i && info.si_code == SI_QUEUE;
    }
    printf("in order: %d\n", in_order == queued);
    SHOW_VALUE(sigtimedwait(&set, &info, &now) == SIGRTMAX);
    SHOW(sigtimedwait(&set, &info, &now));
    SHOW(sigqueue(getpid(), wanted, value));
    return 0;
}
