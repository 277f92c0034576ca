// An illegal instruction ends the program with status 132, after what it wrote.
// status: 132
#include <signal.h>
#include "check.h"

int main(void)
{
    puts("before");
    fflush(stdout);
    __asm__ volatile("ud2");
    puts("after");
    return 0;
}
