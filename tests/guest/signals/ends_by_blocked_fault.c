// A fault while its signal is blocked ends the program with status 139, after what it wrote.
// status: 139
#include <signal.h>
#include "check.h"

int main(void)
{
    puts("before");
    fflush(stdout);
    sigset_t set;
    sigfillset(&set);
    sigprocmask(SIG_SETMASK, &set, 0);
    *(volatile char *)8 = 1;
    puts("after");
    return 0;
}
