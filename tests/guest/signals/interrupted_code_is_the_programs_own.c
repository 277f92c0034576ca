// A handler that interrupts a loop of system calls sees an instruction pointer within the loop, never one elsewhere.
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include "check.h"

/* Makes `count` calls and nothing else. */
void loop(long count);
extern char loop_end[], loop_template[], loop_template_end[];
__asm__(".text\n"
        ".macro loop_body\n"
        "  push %r12\n"
        "  mov %rdi, %r12\n"
        "1: mov $110, %eax\n"
        "  syscall\n"
        "  mov %rax, %rdx\n"
        "  nop\n"
        "  dec %r12\n"
        "  jnz 1b\n"
        "  pop %r12\n"
        "  ret\n"
        ".endm\n"
        "loop: loop_body\n"
        "loop_end:\n"
        "  .balign 16, 0x90\n"
        ".section .rodata\n"
        "loop_template: loop_body\n"
        "loop_template_end:\n"
        ".text\n");

static volatile int inside, outside, in_loop;
static char *first, *last;

static void on_alarm(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)info;
    char *rip = (char *)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    if (rip >= first && rip < last)
        inside++;
    else if (in_loop && !(rip >= (char *)loop - 0x4000 && rip < (char *)loop + 0x4000))
        outside++; /* neither the loop nor the program's own few instructions around the call */
}

int main(void)
{
    struct sigaction action = { .sa_sigaction = on_alarm, .sa_flags = SA_SIGINFO | SA_RESTART };
    CHECK(sigaction(SIGALRM, &action, 0) == 0);
    size_t length = loop_template_end - loop_template;
    char *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    memcpy(page, loop_template, length);
    CHECK(mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0);
    for (int kind = 0; kind < 2; kind++) {
        first = kind ? page : (char *)loop;
        last = kind ? page + length : loop_end;
        inside = outside = 0;
        struct itimerval timer = { { 0, 700 }, { 0, 700 } };
        CHECK(setitimer(ITIMER_REAL, &timer, 0) == 0);
        while (inside < 100 && outside == 0) {
            in_loop = 1;
            ((void (*)(long))first)(10000);
            in_loop = 0;
        }
        timer = (struct itimerval){ { 0, 0 }, { 0, 0 } };
        CHECK(setitimer(ITIMER_REAL, &timer, 0) == 0);
        printf("%s: outside %d\n", kind ? "generated" : "program text", outside);
    }
    return 0;
}
