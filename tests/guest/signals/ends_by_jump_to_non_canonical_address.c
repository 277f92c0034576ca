// A jump to an address that is none ends the program with status 139, after what it wrote.
// status: 139
#include <signal.h>
#include "check.h"

int main(void)
{
    puts("before");
    fflush(stdout);
    ((void (*)(void))0x8000000000000000)();
    puts("after");
    return 0;
}
