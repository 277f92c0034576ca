// Numbers that name no system call answer ENOSYS, so that a C library falls back to an older call.
#include <sys/syscall.h>
#include "check.h"

static long raw(long number)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(0L), "S"(0L), "d"(0L) : "rcx", "r11", "memory");
    return result;
}

int main(void)
{
    static const long numbers[] = { 400,  423,       600,        700,         1000,        9999, 100000,
                                    -2,   -39,       0x7fffffff, 0x7ffffffff, 1L << 40,    -1,   512,
                                    547,  548,       0x40000000, 0x40000001,  0x80000000L, (1L << 63) };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        long result = raw(numbers[i]);
        printf("%ld: %s\n", numbers[i], result < 0 ? error_name(-result) : "a result");
    }
    return 0;
}
