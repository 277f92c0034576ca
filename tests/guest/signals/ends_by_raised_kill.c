// SIGKILL by kill ends the program with status 137, after what it wrote.
// status: 137
#include <signal.h>
#include "check.h"

int main(void)
{
    puts("before");
    fflush(stdout);
    kill(getpid(), SIGKILL);
    puts("after");
    return 0;
}
