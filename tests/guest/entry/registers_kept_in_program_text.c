// Every register survives system calls from sites that the loader sees, whatever stands beside them.
#include "probe.h"

__asm__(".text\n"
        "plain: syscall\nplain_next: ret\n"
        ".balign 64\n"
        "padded: syscall\npadded_next: nopl 0x0(%rax,%rax,1)\n ret\n"
        ".balign 64\n"
        "moved: mov %r10, %r10\n syscall\nmoved_next: mov %rax, %rax\n ret\n"
        ".balign 64\n"
        ".balign 64\n"
        "compare: syscall\ncompare_next: lea 1(%rax), %rax\n lea -1(%rax), %rax\n ret\n"
        ".balign 64\n"
        "twice_first: mov %rax, saved(%rip)\n syscall\n mov saved(%rip), %rax\n syscall\n"
        "twice_next: mov %rax, %rax\n ret\n"
        ".balign 64\n"
        "double_call: syscall\n syscall\ndouble_next: nopl (%rax)\n nopl (%rax)\n ret\n"
        ".bss\nsomewhere: .quad 0\nsaved: .quad 0\n.text\n");
extern char plain[], plain_next[], padded[], padded_next[], moved[], moved_next[], compare[], compare_next[], twice_first[],
    twice_next[], double_call[], double_next[];

int main(void)
{
    probe_site("followed by ret", plain, plain_next);
    probe_site("followed by a long nop", padded, padded_next);
    probe_site("between moves", moved, moved_next);
    probe_site("before address arithmetic", compare, compare_next);
    probe_site("two in one function", twice_first, twice_next);

    /* Two in a row: the second call's number is the first one's result. */
    struct registers in;
    for (unsigned round = 0; round < 10; round++) {
        fill(&in, round);
        in.gpr[RAX] = 1000000;
        CHECK((int64_t)probe_and_check(double_call, double_next, &in) == -ENOSYS);
    }
    puts("two in a row: all registers kept");
    return 0;
}
