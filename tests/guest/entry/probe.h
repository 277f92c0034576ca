/* Runs a system call from a given site with every register loaded, and records every register afterwards. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include "check.h"

enum { RAX, RBX, RCX, RDX, RSI, RDI, RBP, R8, R9, R10, R11, R12, R13, R14, R15, GPRS };
enum vectors { SSE, AVX, AVX512 };

struct registers {
    uint64_t gpr[GPRS];                                 /* 0 */
    uint64_t flags;                                     /* 120 */
    uint64_t vectors;                                   /* 128: enum vectors */
    uint32_t mxcsr, x87_control;                        /* 136, 140 */
    double x87[3];                                      /* 144 */
    uint8_t padding[24];                                /* 168 */
    uint8_t vector[32][64];                             /* 192 */
    uint64_t mask[8];                                   /* 2240: k0-k7 */
    uint8_t fxsave[512] __attribute__((aligned(64)));   /* 2304 */
} __attribute__((aligned(64)));

_Static_assert(offsetof(struct registers, vector) == 192, "used by the assembly");
_Static_assert(offsetof(struct registers, mask) == 2240, "used by the assembly");
_Static_assert(offsetof(struct registers, fxsave) == 2304, "used by the assembly");

/* Calls `site`, which must be a `syscall` followed by instructions that change nothing and a `ret`. */
void probe(const void *site, const struct registers *in, struct registers *out);

__asm__(
    ".text\n"
    /* Numbers of the registers that exist with SSE and AVX; AVX-512 has all. */
    ".macro load_low insn, reg, base\n"
    "  .irp i, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "    \\insn 192+64*\\i(\\base), \\reg\\i\n"
    "  .endr\n"
    ".endm\n"
    ".macro store_low insn, reg, base\n"
    "  .irp i, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "    \\insn \\reg\\i, 192+64*\\i(\\base)\n"
    "  .endr\n"
    ".endm\n"
    ".macro load_high\n"
    "  .irp i, 16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
    "    vmovups 192+64*\\i(%rsi), %zmm\\i\n"
    "  .endr\n"
    "  .irp i, 0,1,2,3,4,5,6,7\n"
    "    kmovq 2240+8*\\i(%rsi), %k\\i\n"
    "  .endr\n"
    ".endm\n"
    ".macro store_high\n"
    "  .irp i, 16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
    "    vmovups %zmm\\i, 192+64*\\i(%rax)\n"
    "  .endr\n"
    "  .irp i, 0,1,2,3,4,5,6,7\n"
    "    kmovq %k\\i, 2240+8*\\i(%rax)\n"
    "  .endr\n"
    ".endm\n"
    ".globl probe\n"
    ".type probe, @function\n"
    "probe:\n"
    "  push %rbx\n  push %rbp\n  push %r12\n  push %r13\n  push %r14\n  push %r15\n"
    "  push %rdx\n"                 /* 16(%rsp) below: out */
    "  push %rdi\n"                 /* 8(%rsp): site */
    "  fninit\n"
    "  fldl 144(%rsi)\n  fldl 152(%rsi)\n  fldl 160(%rsi)\n"
    "  fldcw 140(%rsi)\n"
    "  ldmxcsr 136(%rsi)\n"
    "  cmpq $1, 128(%rsi)\n"
    "  ja 3f\n"
    "  je 2f\n"
    "  load_low movups, %xmm, %rsi\n"
    "  jmp 4f\n"
    "2: load_low vmovups, %ymm, %rsi\n"
    "  jmp 4f\n"
    "3: load_low vmovups, %zmm, %rsi\n"
    "  load_high\n"
    "4: pushq 120(%rsi)\n"
    "  mov 0(%rsi), %rax\n  mov 8(%rsi), %rbx\n  mov 16(%rsi), %rcx\n  mov 24(%rsi), %rdx\n"
    "  mov 40(%rsi), %rdi\n  mov 48(%rsi), %rbp\n  mov 56(%rsi), %r8\n  mov 64(%rsi), %r9\n"
    "  mov 72(%rsi), %r10\n  mov 80(%rsi), %r11\n  mov 88(%rsi), %r12\n  mov 96(%rsi), %r13\n"
    "  mov 104(%rsi), %r14\n  mov 112(%rsi), %r15\n"
    "  mov 32(%rsi), %rsi\n"
    "  popfq\n"
    "  call *(%rsp)\n"
    "  pushfq\n"
    "  push %rax\n"
    "  mov 24(%rsp), %rax\n"        /* out */
    "  mov %rbx, 8(%rax)\n  mov %rcx, 16(%rax)\n  mov %rdx, 24(%rax)\n  mov %rsi, 32(%rax)\n"
    "  mov %rdi, 40(%rax)\n  mov %rbp, 48(%rax)\n  mov %r8, 56(%rax)\n  mov %r9, 64(%rax)\n"
    "  mov %r10, 72(%rax)\n  mov %r11, 80(%rax)\n  mov %r12, 88(%rax)\n  mov %r13, 96(%rax)\n"
    "  mov %r14, 104(%rax)\n  mov %r15, 112(%rax)\n"
    "  popq 0(%rax)\n"
    "  popq 120(%rax)\n"
    "  pushq $0x202\n"
    "  popfq\n"
    "  fxsave64 2304(%rax)\n"
    "  cmpq $1, 128(%rax)\n"
    "  ja 3f\n"
    "  je 2f\n"
    "  store_low movups, %xmm, %rax\n"
    "  jmp 4f\n"
    "2: store_low vmovups, %ymm, %rax\n"
    "  vzeroupper\n"
    "  jmp 4f\n"
    "3: store_low vmovups, %zmm, %rax\n"
    "  store_high\n"
    "  vzeroupper\n"
    "4: fninit\n"
    "  pushq $0x1f80\n"
    "  ldmxcsr (%rsp)\n"
    "  add $24, %rsp\n"
    "  pop %r15\n  pop %r14\n  pop %r13\n  pop %r12\n  pop %rbp\n  pop %rbx\n"
    "  ret\n"
    ".size probe, .-probe\n");

static inline enum vectors widest_vectors(void)
{
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512bw"))
        return AVX512;
    return __builtin_cpu_supports("avx") ? AVX : SSE;
}

/* A different value in each register, and in each round. */
static inline void fill(struct registers *r, unsigned seed)
{
    uint64_t x = 0x9e3779b97f4a7c15u * (seed + 1);
    uint8_t *bytes = (uint8_t *)r;
    for (size_t i = 0; i < offsetof(struct registers, fxsave); i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        bytes[i] = x >> 56;
    }
    /* Bit 1 is always set and interrupts are always on; the rest are the arithmetic flags and DF. */
    static const uint64_t flags[] = { 0x202, 0x202 | 0x8d5, 0x202 | 0x400, 0x202 | 0x8d5 | 0x400, 0x202 | 0x1 };
    r->flags = flags[seed % 5];
    r->vectors = widest_vectors();
    static const uint32_t mxcsr[] = { 0x1f80, 0x3f80, 0xff80, 0x9fc0, 0x1fa1 };
    r->mxcsr = mxcsr[seed % 5];
    static const uint32_t control[] = { 0x37f, 0x27f, 0xf7f, 0x77f, 0x07f };
    r->x87_control = control[seed % 5];
    for (int i = 0; i < 3; i++)
        r->x87[i] = seed + i + 0.5;
}

static inline int kept(const char *what, uint64_t before, uint64_t after)
{
    if (before == after)
        return 1;
    printf("%s: %#lx became %#lx\n", what, before, after);
    return 0;
}

/* Probes `site`, whose `syscall` is followed by `next`, and ends the program if any register isn't as Linux leaves it. */
static inline uint64_t probe_and_check(const void *site, const void *next, struct registers *in)
{
    static const char *names[] = { "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8",
                                   "r9",  "r10", "r11", "r12", "r13", "r14", "r15" };
    struct registers out;
    memset(&out, 0, sizeof out);
    out.vectors = in->vectors;
    probe(site, in, &out);
    int ok = 1;
    for (int i = RBX; i < GPRS; i++)
        if (i != RCX && i != R11)
            ok &= kept(names[i], in->gpr[i], out.gpr[i]);
    ok &= kept("rcx", (uintptr_t)next, out.gpr[RCX]);
    ok &= kept("r11", in->flags, out.gpr[R11]);
    ok &= kept("flags", in->flags, out.flags);
    int count = in->vectors == AVX512 ? 32 : 16;
    size_t width = in->vectors == AVX512 ? 64 : in->vectors == AVX ? 32 : 16;
    for (int i = 0; i < count; i++)
        if (memcmp(in->vector[i], out.vector[i], width) != 0) {
            printf("vector register %d changed\n", i);
            ok = 0;
        }
    if (in->vectors == AVX512)
        for (int i = 0; i < 8; i++)
            ok &= kept("mask register", in->mask[i], out.mask[i]);
    uint16_t control, tags;
    uint32_t mxcsr;
    memcpy(&control, out.fxsave, 2);
    memcpy(&tags, out.fxsave + 4, 2);
    memcpy(&mxcsr, out.fxsave + 24, 4);
    ok &= kept("x87 control word", in->x87_control, control);
    ok &= kept("x87 tags", 0xe0, tags & 0xff);
    ok &= kept("mxcsr", in->mxcsr, mxcsr);
    for (int i = 0; i < 3; i++) {
        long double value;
        memcpy(&value, out.fxsave + 32 + 16 * i, 16);
        if (value != in->x87[2 - i]) {
            printf("st(%d) changed\n", i);
            ok = 0;
        }
    }
    if (!ok)
        exit(1);
    return out.gpr[RAX];
}

/* Some system calls whose results are known. Sets the registers that they take; returns the result to expect. */
enum { CALLS = 8 };
static inline int64_t prepare_call(int call, struct registers *r)
{
    static char buffer[64];
    static int word;
    switch (call) {
    case 0:
        r->gpr[RAX] = 39; /* getpid */
        return getpid();
    case 1:
        r->gpr[RAX] = 3; /* close */
        r->gpr[RDI] = -1;
        return -EBADF;
    case 2:
        r->gpr[RAX] = 1000000; /* no such call */
        return -ENOSYS;
    case 3:
        r->gpr[RAX] = 24; /* sched_yield */
        return 0;
    case 4:
        r->gpr[RAX] = 228; /* clock_gettime */
        r->gpr[RDI] = 1;
        r->gpr[RSI] = (uintptr_t)buffer;
        return 0;
    case 5:
        r->gpr[RAX] = 0; /* read */
        r->gpr[RDI] = -1;
        r->gpr[RSI] = (uintptr_t)buffer;
        r->gpr[RDX] = sizeof buffer;
        return -EBADF;
    case 6:
        r->gpr[RAX] = 202; /* futex: FUTEX_WAIT_PRIVATE for a value that isn't there */
        r->gpr[RDI] = (uintptr_t)&word;
        r->gpr[RSI] = 128;
        r->gpr[RDX] = 1;
        r->gpr[R10] = 0;
        return -EAGAIN;
    default:
        r->gpr[RAX] = 63; /* uname */
        r->gpr[RDI] = 0;
        return -EFAULT;
    }
}

/* All the calls, from one site, several times: the first may be trapped, the later ones patched. */
static inline void probe_site(const char *name, const void *site, const void *next)
{
    for (unsigned round = 0; round < 10; round++)
        for (int call = 0; call < CALLS; call++) {
            struct registers in;
            fill(&in, round * CALLS + call);
            int64_t expected = prepare_call(call, &in);
            int64_t result = probe_and_check(site, next, &in);
            if (result != expected) {
                printf("%s: call %d: result %ld instead of %ld\n", name, call, result, expected);
                exit(1);
            }
        }
    printf("%s: all registers kept\n", name);
}
