// The 128 bytes below the stack pointer belong to leaf functions: a system call must not write there.
#include <stdint.h>
#include <sys/mman.h>
#include "check.h"

/* Fills the red zone, makes the call, and counts the words that changed. */
long leaf(long number);
__asm__(".text\n"
        ".macro leaf_body\n"
        "  mov %rdi, %rax\n"
        "  mov $0x1234567811111111, %r8\n"
        "  .set i, 1\n"
        "  .rept 16\n"
        "    mov %r8, -8*i(%rsp)\n"
        "    add $1, %r8\n"
        "    .set i, i + 1\n"
        "  .endr\n"
        "  mov $-1, %rdi\n"
        "  syscall\n"
        "  nopl 0(%rax,%rax,1)\n"
        "  xor %eax, %eax\n"
        "  mov $0x1234567811111111, %r8\n"
        "  .set i, 1\n"
        "  .rept 16\n"
        "    cmp %r8, -8*i(%rsp)\n"
        "    je 1f\n"
        "    inc %rax\n"
        "1:  add $1, %r8\n"
        "    .set i, i + 1\n"
        "  .endr\n"
        "  ret\n"
        ".endm\n"
        "leaf: leaf_body\n"
        ".balign 16, 0x90\n"
        /* As data, to be copied: what the program text reads as may differ from what was loaded. */
        ".section .rodata\n"
        "leaf_template: leaf_body\n"
        "leaf_end:\n"
        ".text\n");
extern char leaf_template[], leaf_end[];

int main(void)
{
    static const long numbers[] = { 39, 3, 24, 186, 1000000 };
    size_t length = leaf_end - leaf_template;
    unsigned char *page = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    memcpy(page, leaf_template, length);
    long (*generated)(long) = (void *)page;
    for (int round = 0; round < 100; round++)
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
            CHECK(leaf(numbers[i]) == 0);
            CHECK(generated(numbers[i]) == 0);
        }
    puts("red zone kept");
    return 0;
}
