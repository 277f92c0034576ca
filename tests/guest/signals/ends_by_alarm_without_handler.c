// An alarm without a handler, in a busy loop ends the program with status 142, after what it wrote.
// status: 142
#include <signal.h>
#include "check.h"

int main(void)
{
    puts("before");
    fflush(stdout);
    alarm(1);
    for (;;)
        ;
    puts("after");
    return 0;
}
