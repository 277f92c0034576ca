// A division by zero ends the program with status 136, after what it wrote.
// status: 136
#include <signal.h>
#include "check.h"

int main(void)
{
    puts("before");
    fflush(stdout);
    __asm__ volatile("xor %%ecx, %%ecx\n div %%ecx" ::: "rax", "rcx", "rdx");
    puts("after");
    return 0;
}
