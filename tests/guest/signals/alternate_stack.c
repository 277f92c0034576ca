// sigaltstack: a handler runs there, even for a stack overflow, and siglongjmp leaves it.
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include "check.h"

static char *stack;
enum { SIZE = 65536 };
static sigjmp_buf back;
static volatile int on_it;

static int is_on_stack(void *address)
{
    return (char *)address >= stack && (char *)address < stack + SIZE;
}

static void on_signal(int signal)
{
    (void)signal;
    char local;
    on_it = is_on_stack(&local);
    stack_t now;
    CHECK(sigaltstack(0, &now) == 0);
    printf("in the handler: on it %d, flags %d\n", on_it, now.ss_flags);
    stack_t other = { stack, 0, SIZE };
    SHOW(sigaltstack(&other, 0));
}

static void on_overflow(int signal)
{
    (void)signal;
    char local;
    on_it = is_on_stack(&local);
    siglongjmp(back, 1);
}

static __attribute__((noinline)) int recurse(int depth)
{
    volatile char frame[4096];
    frame[0] = depth;
    return depth < 0 ? 0 : recurse(depth + 1) + frame[0];
}

int main(void)
{
    stack = mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(stack != MAP_FAILED);
    stack_t set = { stack, 0, SIZE }, old;
    SHOW(sigaltstack(&set, &old));
    printf("old flags %d\n", old.ss_flags);
    SHOW(sigaltstack(0, &old));
    printf("size %zu, flags %d, base %d\n", old.ss_size, old.ss_flags, old.ss_sp == stack);
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };
    CHECK(sigaction(SIGUSR1, &action, 0) == 0);
    raise(SIGUSR1);
    action.sa_flags = 0;
    action.sa_handler = on_overflow;
    CHECK(sigaction(SIGUSR2, &action, 0) == 0);
    if (sigsetjmp(back, 1) == 0)
        raise(SIGUSR2);
    printf("without SA_ONSTACK: on it %d\n", on_it);

    action.sa_flags = SA_ONSTACK;
    CHECK(sigaction(SIGSEGV, &action, 0) == 0);
    for (volatile int i = 0; i < 3; i++) {
        on_it = 0;
        if (sigsetjmp(back, 1) == 0)
            printf("never %d\n", recurse(1));
        printf("overflow caught: on it %d\n", on_it);
    }
    set.ss_size = 100;
    SHOW(sigaltstack(&set, 0));
    set.ss_flags = 99;
    SHOW(sigaltstack(&set, 0));
    SHOW(sigaltstack((void *)8, 0));
    SHOW(sigaltstack(0, (void *)8));
    set = (stack_t){ 0, SS_DISABLE, 0 };
    SHOW(sigaltstack(&set, 0));
    SHOW(sigaltstack(0, &old));
    printf("disabled: %d\n", old.ss_flags == SS_DISABLE);
    return 0;
}
