// A jump to the kernel's half of the address space ends the program with status 139, after what it wrote.
// status: 139
#include <signal.h>
#include "check.h"

int main(void)
{
    puts("before");
    fflush(stdout);
    ((void (*)(void))0xffffffff81000000)();
    puts("after");
    return 0;
}
