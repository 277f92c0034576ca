// A breakpoint ends the program with status 133, after what it wrote.
// status: 133
#include <signal.h>
#include "check.h"

int main(void)
{
    puts("before");
    fflush(stdout);
    __asm__ volatile("int3");
    puts("after");
    return 0;
}
