// SIGTERM by raise ends the program with status 143, after what it wrote.
// status: 143
#include <signal.h>
#include "check.h"

int main(void)
{
    puts("before");
    fflush(stdout);
    raise(SIGTERM);
    puts("after");
    return 0;
}
