// A call that sends the thread a signal runs the handler before it returns; no register may show it.
#include <signal.h>
#include <sys/syscall.h>
#include "../entry/probe.h"

static volatile int handled;

__attribute__((target("avx"))) static void trample_wide(void)
{
    __asm__ volatile("vpcmpeqd %%xmm0, %%xmm0, %%xmm0\n vinsertf128 $1, %%xmm0, %%ymm0, %%ymm0\n"
                     "vmovaps %%ymm0, %%ymm1\n vmovaps %%ymm0, %%ymm6\n vmovaps %%ymm0, %%ymm15\n vzeroupper\n" ::
                         : "xmm0", "xmm1", "xmm6", "xmm15");
}

static void on_signal(int signal)
{
    (void)signal;
    handled++;
    uint32_t mxcsr = 0x1f80, control = 0x37f;
    __asm__ volatile("ldmxcsr %0\n fninit\n fldpi\n fldcw %1\n pcmpeqd %%xmm3, %%xmm3\n movdqa %%xmm3, %%xmm9\n"
                     :
                     : "m"(mxcsr), "m"(control)
                     : "xmm3", "xmm9");
    if (widest_vectors() >= AVX)
        trample_wide();
    CHECK(getpid() == gettid());
}

__asm__(".text\nsite: syscall\nsite_next: nopl 0x0(%rax,%rax,1)\n ret\n.balign 16, 0x90\n");
extern char site[], site_next[];

int main(void)
{
    CHECK(signal(SIGUSR1, on_signal) != SIG_ERR);
    unsigned char *page = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    memcpy(page, "\x0f\x05\x0f\x1f\x44\x00\x00\xc3", 8);
    for (unsigned round = 0; round < 200; round++) {
        struct registers in;
        fill(&in, round);
        in.gpr[RAX] = SYS_tgkill;
        in.gpr[RDI] = getpid();
        in.gpr[RSI] = gettid();
        in.gpr[RDX] = SIGUSR1;
        if (round % 2)
            CHECK(probe_and_check(site, site_next, &in) == 0);
        else
            CHECK(probe_and_check(page, page + 2, &in) == 0);
        CHECK(handled == (int)round + 1);
    }
    puts("200 signals, all registers kept");
    return 0;
}
