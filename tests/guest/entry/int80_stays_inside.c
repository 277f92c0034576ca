// The 32-bit system call instruction must not reach the host: it is answered, or refused with a fault.
#include <setjmp.h>
#include <signal.h>
#include "check.h"

static sigjmp_buf back;

static void on_fault(int signal)
{
    siglongjmp(back, signal);
}

int main(void)
{
    CHECK(signal(SIGSEGV, on_fault) != SIG_ERR && signal(SIGSYS, on_fault) != SIG_ERR);
    if (sigsetjmp(back, 1)) {
        puts("int 0x80: refused");
        return 0;
    }
    int result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "r8", "r9", "r10", "r11", "memory");
    printf("int 0x80: %s\n", result == getpid() ? "the pid" : result < 0 ? error_name(-result) : "something else");
    return 0;
}
