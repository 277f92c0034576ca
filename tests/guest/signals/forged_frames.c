// rt_sigreturn with registers, flags, stacks and vector state that a program made up: it gains nothing.
// status: 139
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include "check.h"

static sigjmp_buf back;
static int (*forge)(ucontext_t *);
static volatile uint64_t rax_after;

static void on_signal(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info;
    forge(context);
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)context;
    printf("signal %d, code %d\n", signal, info->si_code);
    siglongjmp(back, 1);
}

static int harmful_flags(ucontext_t *uc)
{
    uc->uc_mcontext.gregs[REG_EFL] |= 0x3000 | 0x4000 | 0x20000; /* IOPL, NT, VM */
    return 0;
}

static int reserved_mxcsr(ucontext_t *uc)
{
    uc->uc_mcontext.fpregs->mxcsr = 0xffffffff;
    return 0;
}

static int reserved_xsave_header(ucontext_t *uc)
{
    uint8_t *header = (uint8_t *)uc->uc_mcontext.fpregs + 512;
    memset(header, 0xff, 64);
    return 0;
}

static int no_vector_state(ucontext_t *uc)
{
    uc->uc_mcontext.fpregs = 0;
    return 0;
}

static int bad_vector_pointer(ucontext_t *uc)
{
    uc->uc_mcontext.fpregs = (void *)8;
    return 0;
}

static int non_canonical_rip(ucontext_t *uc)
{
    uc->uc_mcontext.gregs[REG_RIP] = 1L << 60;
    return 0;
}

static int odd_rax(ucontext_t *uc)
{
    uc->uc_mcontext.gregs[REG_RAX] = -512; /* as the kernel's own ERESTARTSYS */
    return 0;
}

static int blocks_everything(ucontext_t *uc)
{
    memset(&uc->uc_sigmask, 0xff, 8);
    return 0;
}

static int forged_stack(ucontext_t *uc)
{
    uc->uc_stack.ss_sp = (void *)-1;
    uc->uc_stack.ss_size = -1;
    uc->uc_stack.ss_flags = 77;
    return 0;
}

static void try(const char *name, int (*what)(ucontext_t *))
{
    forge = what;
    printf("%s: ", name);
    fflush(stdout);
    if (sigsetjmp(back, 1) == 0) {
        /* A trap, so that all registers are the handler's to change. */
        uint64_t rax = 1;
        __asm__ volatile("int3" : "+a"(rax) : : "memory", "rcx", "r11");
        rax_after = rax;
        printf("went on, rax %ld\n", (long)rax_after);
    }
}

int main(void)
{
    char *stack = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(stack != MAP_FAILED);
    stack_t set = { stack, 0, 65536 };
    CHECK(sigaltstack(&set, 0) == 0);
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
    CHECK(sigaction(SIGTRAP, &action, 0) == 0);
    action.sa_sigaction = on_fault;
    action.sa_flags |= SA_ONSTACK;
    CHECK(sigaction(SIGSEGV, &action, 0) == 0);
    try("harmful flags", harmful_flags);
    try("reserved bits of MXCSR", reserved_mxcsr);
    try("reserved bits of the vector state's header", reserved_xsave_header);
    try("no vector state", no_vector_state);
    try("non-canonical address", non_canonical_rip);
    try("rax like an error of the kernel", odd_rax);
    try("forged stack", forged_stack);
    stack_t now;
    CHECK(sigaltstack(0, &now) == 0);
    printf("stack stayed: %d\n", now.ss_sp == stack && now.ss_size == 65536 && now.ss_flags == 0);
    try("bad vector pointer", bad_vector_pointer);
    try("everything blocked", blocks_everything);
    sigset_t mask;
    CHECK(sigprocmask(SIG_SETMASK, 0, &mask) == 0);
    printf("SIGKILL blocked %d, SIGSTOP blocked %d, SIGUSR1 blocked %d\n", sigismember(&mask, SIGKILL),
           sigismember(&mask, SIGSTOP), sigismember(&mask, SIGUSR1));
    sigemptyset(&mask);
    CHECK(sigprocmask(SIG_SETMASK, &mask, 0) == 0);

    /* A frame that isn't there at all, with the signal for it ignored: that kills. */
    CHECK(signal(SIGSEGV, SIG_IGN) != SIG_ERR);
    printf("nowhere\n");
    fflush(stdout);
    __asm__ volatile("mov $16, %%rsp\n\tmov $15, %%eax\n\tsyscall" : : : "memory");
    return 0;
}
