// SS_AUTODISARM: the alternate stack is off while a handler runs, which may set another, and back when it returns.
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include "check.h"

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif
enum { SIZE = 65536 };
static char *first, *second;

static const char *where(void *address)
{
    char *at = address;
    return at >= first && at < first + SIZE ? "first" : at >= second && at < second + SIZE ? "second" : "normal";
}

static void on_inner(int signal)
{
    (void)signal;
    char local;
    printf("inner handler on the %s stack\n", where(&local));
}

static void on_outer(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info;
    char local;
    ucontext_t *uc = context;
    printf("outer handler on the %s stack\n", where(&local));
    printf("saved: first %d, flags %#x\n", uc->uc_stack.ss_sp == first, (unsigned)uc->uc_stack.ss_flags);
    stack_t now;
    CHECK(sigaltstack(0, &now) == 0);
    printf("while it runs: flags %#x\n", (unsigned)now.ss_flags);
    stack_t other = { second, 0, SIZE };
    SHOW(sigaltstack(&other, 0));
    raise(SIGUSR2);
}

int main(void)
{
    first = mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    second = mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(first != MAP_FAILED && second != MAP_FAILED);
    struct sigaction action = { .sa_sigaction = on_outer, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    CHECK(sigaction(SIGUSR1, &action, 0) == 0);
    action = (struct sigaction){ .sa_handler = on_inner, .sa_flags = SA_ONSTACK };
    CHECK(sigaction(SIGUSR2, &action, 0) == 0);
    stack_t set = { first, (int)SS_AUTODISARM, SIZE }, now;
    SHOW(sigaltstack(&set, 0));
    for (int i = 0; i < 2; i++) {
        raise(SIGUSR1);
        CHECK(sigaltstack(0, &now) == 0);
        printf("afterwards: first %d, flags %#x\n", now.ss_sp == first, (unsigned)now.ss_flags);
    }
    return 0;
}
