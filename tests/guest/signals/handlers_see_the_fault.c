// A handler with SA_SIGINFO sees the fault's address, code and registers, can mend the cause or change the registers.
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <ucontext.h>
#include "check.h"

static char *page;
static volatile int faults, last_code, last_trap, last_error;
static void *volatile last_address;

static void mend(int signal, siginfo_t *info, void *context)
{
    ucontext_t *user = context;
    faults++;
    last_code = info->si_code;
    last_address = info->si_addr;
    last_trap = user->uc_mcontext.gregs[REG_TRAPNO];
    last_error = user->uc_mcontext.gregs[REG_ERR];
    CHECK(signal == SIGSEGV && info->si_signo == SIGSEGV);
    CHECK(mprotect(page, 4096, PROT_READ | PROT_WRITE) == 0);
}

static void skip(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    ucontext_t *user = context;
    last_code = info->si_code;
    last_address = info->si_addr;
    last_trap = user->uc_mcontext.gregs[REG_TRAPNO];
    /* Each faulting instruction below is two bytes long and followed by one that keeps rax. */
    user->uc_mcontext.gregs[REG_RIP] += 2;
    user->uc_mcontext.gregs[REG_RAX] = 12345;
}

int main(void)
{
    page = mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    struct sigaction action = { .sa_sigaction = mend, .sa_flags = SA_SIGINFO };
    CHECK(sigaction(SIGSEGV, &action, 0) == 0);
    for (int i = 0; i < 100; i++) {
        CHECK(mprotect(page, 4096, PROT_NONE) == 0);
        ((volatile char *)page)[100 + i] = i;
        CHECK(page[100 + i] == i && last_address == page + 100 + i);
    }
    printf("mended %d, code %d, trap %d, a write %d\n", faults, last_code, last_trap, (last_error & 2) != 0);

    /* Registers are as they were, but for what the handler changed. */
    action.sa_sigaction = skip;
    CHECK(sigaction(SIGSEGV, &action, 0) == 0 && sigaction(SIGILL, &action, 0) == 0 && sigaction(SIGFPE, &action, 0) == 0 &&
          sigaction(SIGTRAP, &action, 0) == 0);
    uint64_t rax, rbx = 1, rdx = 0;
    __asm__ volatile("xor %%eax, %%eax\n movb (%%rax), %%al\n" : "=a"(rax), "+b"(rbx), "+d"(rdx)::"memory");
    printf("null: rax %lu, rbx %lu, code %d, address %ld\n", rax, rbx, last_code, (long)last_address);
    __asm__ volatile("ud2" : "=a"(rax)::"memory");
    printf("illegal: rax %lu, code %d, trap %d\n", rax, last_code, last_trap);
    uint32_t zero = 0;
    rax = 1;
    __asm__ volatile("div %1" : "+a"(rax) : "c"(zero), "d"(0) : "memory");
    printf("division: rax %lu, code %d, trap %d\n", rax, last_code, last_trap);
    __asm__ volatile("movabs $0x8000000000000000, %%rcx\n movb (%%rcx), %%al" : "=a"(rax)::"rcx", "memory");
    printf("non-canonical: rax %lu, code %d, address %ld\n", rax, last_code, (long)last_address);
    /* A breakpoint leaves rip behind it, so the handler skips the two nops. */
    __asm__ volatile("int3\n nop\n nop" : "=a"(rax)::"memory");
    printf("breakpoint: rax %lu, code %d, trap %d\n", rax, last_code, last_trap);
    return 0;
}
