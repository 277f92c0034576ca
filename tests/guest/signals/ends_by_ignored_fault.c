// A fault while its signal is ignored ends the program with status 139, after what it wrote.
// status: 139
#include <signal.h>
#include "check.h"

int main(void)
{
    puts("before");
    fflush(stdout);
    signal(SIGSEGV, SIG_IGN);
    *(volatile char *)8 = 1;
    puts("after");
    return 0;
}
