// Linux looks at the low 32 bits of the call's number alone.
#include "check.h"

int main(void)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(0x1234567800000027) : "rcx", "r11", "memory");
    printf("getpid with upper bits set: %s\n", result == getpid() ? "the pid" : error_name(-result));
    return 0;
}
