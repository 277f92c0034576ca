// A handler that interrupts running code and tramples on every vector register leaves no trace there.
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>
#include "check.h"

static volatile int ticks;

static void trample(int signal)
{
    (void)signal;
    ticks++;
    __asm__ volatile("pcmpeqd %%xmm0, %%xmm0\n movdqa %%xmm0, %%xmm1\n movdqa %%xmm0, %%xmm7\n movdqa %%xmm0, %%xmm15\n"
                     "std\n cld\n fninit\n fldpi\n"
                     :
                     :
                     : "xmm0", "xmm1", "xmm7", "xmm15", "memory");
}

int main(void)
{
    struct sigaction action = { .sa_handler = trample, .sa_flags = SA_RESTART };
    CHECK(sigaction(SIGALRM, &action, 0) == 0);
    struct itimerval timer = { { 0, 500 }, { 0, 500 } };
    CHECK(setitimer(ITIMER_REAL, &timer, 0) == 0);
    while (ticks < 200) {
        uint64_t in[4] = { 0x1111, 0x2222, 0x3333, 0x4444 }, out[4], sum = 0;
        __asm__ volatile("movups (%[in]), %%xmm0\n"
                         "movups 16(%[in]), %%xmm15\n"
                         "mov $200000, %%ecx\n"
                         "mov $7, %%r8\n mov $8, %%r9\n mov $9, %%r15\n"
                         "1: add %%r8, %[sum]\n"
                         "sub $7, %[sum]\n"
                         "dec %%ecx\n"
                         "jnz 1b\n"
                         "add %%r9, %[sum]\n"
                         "add %%r15, %[sum]\n"
                         "movups %%xmm0, (%[out])\n"
                         "movups %%xmm15, 16(%[out])\n"
                         : [sum] "+r"(sum)
                         : [in] "r"(in), [out] "r"(out)
                         : "rcx", "r8", "r9", "r15", "xmm0", "xmm15", "memory");
        CHECK(memcmp(in, out, sizeof in) == 0 && sum == 17);
        /* And while system calls are made. */
        for (int i = 0; i < 100; i++)
            CHECK(getppid() >= 0 && getuid() == geteuid());
    }
    puts("kept through 200 handlers");
    return 0;
}
