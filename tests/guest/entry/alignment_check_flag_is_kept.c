// The alignment-check flag is the program's business: set during a call, it faults nowhere and stays set.
#include "check.h"
#include <stdint.h>

static long call_with_alignment_check(long number, long first, const void *second, long third, uint64_t *flags)
{
    long result;
    /* The stack moves below the red zone, since the flags go through it. */
    __asm__ volatile("sub $128, %%rsp\n"
                     "pushfq\n"
                     "orl $0x40000, (%%rsp)\n"
                     "popfq\n"
                     "syscall\n"
                     "nopl 0(%%rax,%%rax,1)\n"
                     "pushfq\n"
                     "pop %[flags]\n"
                     "push $0x202\n"
                     "popfq\n"
                     "add $128, %%rsp\n"
                     : "=a"(result), [flags] "=&b"(*flags)
                     : "a"(number), "D"(first), "S"(second), "d"(third)
                     : "rcx", "r11", "memory");
    return result;
}

int main(void)
{
    static char text[] = "xwritten from an odd address\n";
    uint64_t flags;
    fflush(stdout);
    CHECK(call_with_alignment_check(1, 1, text + 1, sizeof text - 2, &flags) == sizeof text - 2);
    CHECK(flags & 0x40000);
    CHECK(call_with_alignment_check(39, 0, 0, 0, &flags) == getpid());
    CHECK(flags & 0x40000);
    CHECK(call_with_alignment_check(2, (long)(text + 1), 0, 0, &flags) == -ENOENT);
    CHECK(flags & 0x40000);
    puts("flag kept");
    return 0;
}
