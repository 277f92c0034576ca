// A privileged instruction ends the program with status 139, after what it wrote.
// status: 139
#include <signal.h>
#include "check.h"

int main(void)
{
    puts("before");
    fflush(stdout);
    __asm__ volatile("hlt");
    puts("after");
    return 0;
}
