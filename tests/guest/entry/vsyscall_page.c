// The vsyscall page at its fixed address answers or faults, as the host's kernel has it.
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/time.h>
#include <time.h>
#include "check.h"

static sigjmp_buf back;

static void on_fault(int signal)
{
    siglongjmp(back, signal);
}

int main(void)
{
    CHECK(signal(SIGSEGV, on_fault) != SIG_ERR);
    if (sigsetjmp(back, 1)) {
        puts("fault");
        return 0;
    }
    struct timeval now;
    int (*gettime)(struct timeval *, void *) = (void *)0xffffffffff600000;
    CHECK(gettime(&now, 0) == 0);
    printf("answers: %d\n", labs(now.tv_sec - time(0)) < 10);
    return 0;
}
