// A `syscall` whose last byte is its page's last: alone, with the next page mapped by the call itself, and across pages.
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include "check.h"

static sigjmp_buf after;
static void *fault_address, *fault_rip;

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    fault_address = info->si_addr;
    fault_rip = (void *)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    siglongjmp(after, 1);
}

static long call(const void *code, long number, long a, long b, long c, long d, long e)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    long result;
    __asm__ volatile("call *%[code]"
                     : "=a"(result)
                     : [code] "r"(code), "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}

int main(void)
{
    unsigned char *pages = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
    unsigned char *site = pages + 4094, *next = pages + 4096;
    site[0] = 0x0f;
    site[1] = 0x05;

    /* `ret` waits in the third page; the call moves it to where execution goes on. */
    pages[8192] = 0xc3;
    CHECK(mprotect(pages, 4096, PROT_READ | PROT_EXEC) == 0);
    CHECK(mprotect(pages + 8192, 4096, PROT_READ | PROT_EXEC) == 0);
    CHECK(munmap(next, 4096) == 0);
    CHECK(call(site, 25, (long)(pages + 8192), 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, (long)next) == (long)next);
    puts("went on in the page that the call mapped");
    for (int round = 0; round < 5; round++)
        CHECK(call(site, 39, 0, 0, 0, 0, 0) == getpid());
    puts("called again across the boundary");

    /* With nothing behind, the fault is at the next page's first byte. */
    CHECK(munmap(next, 4096) == 0);
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
    CHECK(sigaction(SIGSEGV, &action, 0) == 0);
    for (int round = 0; round < 3; round++) {
        fault_address = fault_rip = 0;
        if (sigsetjmp(after, 1) == 0)
            call(site, 39, 0, 0, 0, 0, 0);
        CHECK(fault_address == next);
        CHECK(fault_rip == next);
    }
    puts("fault right behind");

    /* Half in one page, half in the next. */
    unsigned char *two = mmap(0, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(two != MAP_FAILED);
    memset(two + 4090, 0x90, 12);
    two[4095] = 0x0f;
    two[4096] = 0x05;
    two[4102] = 0xc3;
    CHECK(mprotect(two, 8192, PROT_READ | PROT_EXEC) == 0);
    for (int round = 0; round < 5; round++)
        CHECK(call(two + 4095, 39, 0, 0, 0, 0, 0) == getpid());
    puts("across two pages");

    /* The same with its pages made executable one after the other. */
    CHECK(mprotect(two, 8192, PROT_READ | PROT_WRITE) == 0);
    two[4095] = 0x0f;
    memcpy(two + 4096, "\x05\x90\x90\x90\x90\x90\xc3", 7);
    CHECK(mprotect(two + 4096, 4096, PROT_READ | PROT_EXEC) == 0);
    CHECK(mprotect(two, 4096, PROT_READ | PROT_EXEC) == 0);
    for (int round = 0; round < 5; round++)
        CHECK(call(two + 4095, 39, 0, 0, 0, 0, 0) == getpid());
    puts("across two pages made executable in turn");
    return 0;
}
