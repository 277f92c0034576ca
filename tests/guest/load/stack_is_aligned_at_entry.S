// At the entry point: the stack is 16-byte aligned, argc is on it, the direction flag is clear, and registers are zero.
// build: -static -nostdlib -no-pie
// args: x y
        .globl _start
_start:
        mov     $'0', %r15d
        test    $15, %rsp
        jnz     fail                    /* 0: alignment */
        inc     %r15d
        cmpq    $3, (%rsp)
        jne     fail                    /* 1: argc */
        inc     %r15d
        cmpq    $0, 32(%rsp)
        jne     fail                    /* 2: null after the arguments */
        inc     %r15d
        or      %rbx, %rax
        or      %rcx, %rax
        or      %rdx, %rax
        or      %rsi, %rax
        or      %rdi, %rax
        or      %rbp, %rax
        or      %r8, %rax
        or      %r9, %rax
        or      %r10, %rax
        or      %r12, %rax
        or      %r13, %rax
        or      %r14, %rax
        jnz     fail                    /* 3: registers */
        inc     %r15d
        pushfq
        pop     %rax
        test    $0x400, %eax
        jnz     fail                    /* 4: direction flag */
        inc     %r15d
        sub     $8, %rsp
        stmxcsr (%rsp)
        cmpl    $0x1f80, (%rsp)
        jne     fail                    /* 5: mxcsr */
        inc     %r15d
        fnstcw  (%rsp)
        cmpw    $0x37f, (%rsp)
        jne     fail                    /* 6: x87 control word */
        inc     %r15d
        pxor    %xmm1, %xmm1
        pcmpeqb %xmm0, %xmm1
        pmovmskb %xmm1, %eax
        cmp     $0xffff, %eax
        jne     fail                    /* 7: vector registers */
        mov     $ok_end - ok, %edx
        lea     ok(%rip), %rsi
        mov     $1, %edi
        mov     $1, %eax
        syscall
        xor     %edi, %edi
        mov     $231, %eax
        syscall
fail:
        mov     %r15b, failed_number(%rip)
        mov     $failed_end - failed, %edx
        lea     failed(%rip), %rsi
        mov     $1, %edi
        mov     $1, %eax
        syscall
        mov     $1, %edi
        mov     $231, %eax
        syscall
        .data
ok:     .ascii "as the ABI says\n"
ok_end:
failed: .ascii "not as the ABI says: check "
failed_number: .ascii "?\n"
failed_end:
        .section .note.GNU-stack,"",@progbits
