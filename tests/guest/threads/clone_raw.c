// clone and clone3 as a C library calls them: tids stored, the child's tid cleared and woken, thread storage set.
// build: -fno-stack-protector
#include <asm/prctl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mman.h>
#include "futex.h"

enum { STACK = 65536 };
static uint32_t parent_tid, child_tid, storage[64];
uint32_t seen; /* written by the assembly */

/* Starts a thread that stores what it sees and ends, without touching thread storage of the C library. */
long start_with_clone(unsigned long flags, void *stack, uint32_t *parent, uint32_t *child, void *tls);
long start_with_clone3(struct clone_args *arguments, size_t size);
__asm__(".text\n"
        "start_with_clone:\n"
        "  mov %rcx, %r10\n"
        "  mov $56, %eax\n"
        "  syscall\n"
        "  test %rax, %rax\n"
        "  jz child\n"
        "  ret\n"
        "start_with_clone3:\n"
        "  mov $435, %eax\n"
        "  syscall\n"
        "  test %rax, %rax\n"
        "  jz child\n"
        "  ret\n"
        "child:\n"
        "  mov %fs:0, %eax\n" /* of its own storage */
        "  mov %eax, seen(%rip)\n"
        "  xor %edi, %edi\n"
        "  mov $60, %eax\n"
        "  syscall\n"
        "  hlt\n");

static void join(uint32_t tid)
{
    uint32_t value;
    while ((value = __atomic_load_n(&child_tid, __ATOMIC_SEQ_CST)) != 0) {
        CHECK(value == tid);
        futex(&child_tid, FUTEX_WAIT, value, 0, 0, 0);
    }
}

int main(void)
{
    unsigned long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |
                          CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID;
    char *stack = mmap(0, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    CHECK(stack != MAP_FAILED);
    for (int round = 0; round < 200; round++) {
        storage[0] = round;
        child_tid = 1;
        /* The child's id must be in place before either thread runs on, so it is set in both. */
        long tid = start_with_clone(flags, stack + STACK, &parent_tid, &child_tid, storage);
        CHECK(tid > 0 && parent_tid == tid && tid != getpid());
        uint32_t value;
        while ((value = __atomic_load_n(&child_tid, __ATOMIC_SEQ_CST)) == 1)
            sched_yield();
        join(tid);
        CHECK(seen == (uint32_t)round);

        struct clone_args arguments = { .flags = flags,
                                        .stack = (uintptr_t)stack,
                                        .stack_size = STACK,
                                        .parent_tid = (uintptr_t)&parent_tid,
                                        .child_tid = (uintptr_t)&child_tid,
                                        .tls = (uintptr_t)storage };
        storage[0] = round + 1000;
        child_tid = 1;
        tid = start_with_clone3(&arguments, sizeof arguments);
        CHECK(tid > 0 && parent_tid == tid);
        while ((value = __atomic_load_n(&child_tid, __ATOMIC_SEQ_CST)) == 1)
            sched_yield();
        join(tid);
        CHECK(seen == (uint32_t)round + 1000);
    }
    puts("400 threads");

    struct clone_args bad = { .flags = CLONE_THREAD };
    SHOW(syscall(SYS_clone3, &bad, sizeof bad));
    bad.flags = CLONE_SIGHAND;
    SHOW(syscall(SYS_clone3, &bad, sizeof bad));
    SHOW(syscall(SYS_clone3, &bad, 8));
    SHOW(syscall(SYS_clone3, (void *)8, sizeof bad));
    SHOW(syscall(SYS_clone3, &bad, 100000));
    bad.flags = flags;
    bad.stack = 0;
    bad.stack_size = 4096;
    SHOW(syscall(SYS_clone3, &bad, sizeof bad));
    bad.stack = (uintptr_t)stack;
    bad.stack_size = 0;
    SHOW(syscall(SYS_clone3, &bad, sizeof bad));
    bad.stack_size = STACK;
    bad.exit_signal = 100;
    SHOW(syscall(SYS_clone3, &bad, sizeof bad));
    SHOW(syscall(SYS_clone, CLONE_THREAD, stack + STACK, 0, 0, 0));
    SHOW(syscall(SYS_clone, CLONE_SIGHAND, stack + STACK, 0, 0, 0));
    SHOW(syscall(SYS_clone, CLONE_THREAD | CLONE_SIGHAND, stack + STACK, 0, 0, 0));
    SHOW(syscall(SYS_clone, CLONE_NEWNS | CLONE_FS, stack + STACK, 0, 0, 0));

    printf("set_tid_address: %d\n", syscall(SYS_set_tid_address, &child_tid) == gettid());
    return 0;
}
