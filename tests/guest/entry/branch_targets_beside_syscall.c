// Branches that land on the instruction before, at and after a `syscall`: none may end within a patch.
#include <stdint.h>
#include "check.h"

/* The loop jumps back to the instruction after the `syscall`. */
long loop_to_next(long count);
/* The loop jumps back to the `syscall` itself. */
long loop_to_syscall(long count);
/* A jump into the middle of what follows the `syscall`, when `direct` is set. */
long enter_behind(long direct);
/* Falls to the instruction two behind, reached also by a forward jump over the call. */
long jump_over(long skip);
/* As a switch does: a computed jump whose targets are all around the call. */
long computed(long which);
/* A branch brings a value in rcx to the instruction behind the `syscall`, where a call leaves its return address. */
long rcx_behind(long direct);
/* Two short instructions, the second of which is also entered by a jump. */
long enter_second(long direct);
/* A jump directly behind the function's end, as in musl's cancellable call. */
long enter_past_end(long direct);
/* Two calls side by side, of which either may be patched first. */
long two_calls(long skip);

__asm__(".text\n"
        ".globl loop_to_next, loop_to_syscall, enter_behind, jump_over, computed\n"
        ".balign 32\n"
        "loop_to_next:\n"
        "  mov %rdi, %rdx\n"
        "  mov $39, %eax\n"
        "  xor %r8d, %r8d\n"
        "  syscall\n"
        "1: inc %r8\n"
        "  dec %rdx\n"
        "  jnz 1b\n"
        "  mov %r8, %rax\n"
        "  ret\n"
        ".balign 32\n"
        "loop_to_syscall:\n"
        "  mov %rdi, %rdx\n"
        "  mov %rdi, %r8\n"
        "  xor %r9d, %r9d\n"
        "2: mov $39, %eax\n"
        "3: syscall\n"
        "  add %rax, %r9\n"
        "  mov $39, %eax\n"
        "  dec %r8\n"
        "  jnz 3b\n"
        "  mov %r9, %rax\n"
        "  ret\n"
        ".balign 32\n"
        "enter_behind:\n"
        "  mov $39, %eax\n"
        "  test %rdi, %rdi\n"
        "  jnz 4f\n"
        "  syscall\n"
        "  nop\n"
        "4: inc %eax\n"
        "  dec %eax\n"
        "  ret\n"
        ".balign 32\n"
        "jump_over:\n"
        "  xor %eax, %eax\n"
        "  cmp $1, %rdi\n"
        "  je 5f\n"
        "  mov $39, %al\n"
        "  syscall\n"
        "5: ret\n"
        ".balign 32\n"
        "computed:\n"
        "  mov $39, %eax\n"
        "  lea targets(%rip), %rdx\n"
        "  movslq (%rdx,%rdi,4), %rcx\n"
        "  add %rdx, %rcx\n"
        "  jmp *%rcx\n"
        "t0: mov $110, %eax\n"
        "t1: syscall\n"
        "t2: nop\n"
        "t3: nop\n"
        "t4: mov %eax, %eax\n"
        "  ret\n"
        ".balign 32\n"
        "rcx_behind:\n"
        "  mov $0x1234, %ecx\n"
        "  mov $39, %eax\n"
        "  test %rdi, %rdi\n"
        "  jnz 6f\n"
        "  syscall\n"
        "6: mov %rcx, %rdx\n"
        "  lea 6b(%rip), %rax\n"
        "  sub %rdx, %rax\n"
        "  test %rdi, %rdi\n"
        "  cmovnz %rcx, %rax\n"
        "  ret\n"
        ".balign 32\n"
        "enter_second:\n"
        "  mov $39, %eax\n"
        "  push %rbx\n"
        "  test %rdi, %rdi\n"
        "  jnz 7f\n"
        "  syscall\n"
        "  push %rax\n"
        "  pop %rax\n"
        "7: pop %rbx\n"
        "  ret\n"
        ".balign 32\n"
        "enter_past_end:\n"
        "  mov $39, %eax\n"
        "  test %rdi, %rdi\n"
        "  jnz 8f\n"
        "  syscall\n"
        "  ret\n"
        "8: jmp 9f\n"
        "  .skip 200\n"
        "9: ret\n"
        ".balign 32\n"
        "two_calls:\n"
        "  mov $39, %eax\n"
        "  mov %eax, %edx\n"
        "  test %rdi, %rdi\n"
        "  jnz 10f\n"
        "  syscall\n"
        "  xchg %eax, %edx\n"
        "10: syscall\n"
        "  mov %eax, %eax\n"
        "  nop\n"
        "  ret\n"
        ".section .rodata\n"
        ".balign 4\n"
        "targets: .long t0-targets, t1-targets, t2-targets, t3-targets, t4-targets\n"
        ".text\n");

int main(void)
{
    for (int round = 0; round < 10; round++) {
        CHECK(loop_to_next(1000) == 1000);
        CHECK(loop_to_syscall(1000) == 1000L * getpid());
        CHECK(enter_behind(0) == getpid());
        CHECK(enter_behind(1) == 39);
        CHECK(jump_over(0) == getpid());
        CHECK(jump_over(1) == 0);
        CHECK(computed(0) == getppid());
        CHECK(computed(1) == getpid());
        for (int which = 2; which < 5; which++)
            CHECK(computed(which) == 39);
        CHECK(rcx_behind(0) == 0);
        CHECK(rcx_behind(1) == 0x1234);
        CHECK(enter_second(0) == getpid());
        CHECK(enter_second(1) == 39);
        CHECK(enter_past_end(0) == getpid());
        CHECK(enter_past_end(1) == 39);
    }
    for (int round = 0; round < 10; round++)
        CHECK(two_calls(1) == getpid());
    for (int round = 0; round < 10; round++) {
        CHECK(two_calls(0) == getpid());
        CHECK(two_calls(1) == getpid());
    }
    puts("all branches landed");
    return 0;
}
