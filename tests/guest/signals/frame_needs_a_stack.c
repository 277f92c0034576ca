// A handler whose stack has no room: SIGSEGV, whose own handler may run on the alternate stack.
// status: 139
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include "check.h"

static sigjmp_buf back;

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)context;
    printf("signal %d, code %d\n", signal, info->si_code);
    siglongjmp(back, 1);
}

static void on_signal(int signal)
{
    (void)signal;
    printf("never\n");
}

static void raise_without_stack(void)
{
    __asm__ volatile("mov $16, %%rsp\n\tint3" : : : "memory");
}

int main(void)
{
    stack_t set = { mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 0, 65536 };
    CHECK(set.ss_sp != MAP_FAILED && sigaltstack(&set, 0) == 0);
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    CHECK(sigaction(SIGSEGV, &action, 0) == 0);
    CHECK(signal(SIGTRAP, on_signal) != SIG_ERR);
    if (sigsetjmp(back, 1) == 0)
        raise_without_stack();
    printf("caught\n");
    fflush(stdout);
    action.sa_flags = SA_SIGINFO;
    CHECK(sigaction(SIGSEGV, &action, 0) == 0);
    raise_without_stack();
    return 0;
}
