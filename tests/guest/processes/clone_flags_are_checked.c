// Combinations of clone's flags that are refused, before any process is made.
#include "process.h"

static long clone3(struct clone_args args, size_t size)
{
    return syscall(SYS_clone3, &args, size);
}

static char stack[4096];

static int test(void)
{
    char *top = stack + sizeof stack;
    SHOW(syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, top, 0, 0, 0));
    SHOW(syscall(SYS_clone, CLONE_VM | CLONE_THREAD, top, 0, 0, 0));
    SHOW(syscall(SYS_clone, CLONE_THREAD, top, 0, 0, 0));
    SHOW(syscall(SYS_clone, CLONE_VM | CLONE_FS | CLONE_NEWNS, top, 0, 0, 0));
    SHOW(syscall(SYS_clone, CLONE_VM | CLONE_FS | CLONE_NEWUSER, top, 0, 0, 0));
    SHOW(syscall(SYS_clone, CLONE_VM | CLONE_PIDFD | CLONE_DETACHED, top, 0, 0, 0));
    SHOW(syscall(SYS_clone, CLONE_VM | CLONE_PIDFD | CLONE_PARENT_SETTID, top, stack, 0, 0));
    SHOW(syscall(SYS_clone, CLONE_VM | CLONE_NEWPID | CLONE_THREAD | CLONE_SIGHAND, top, 0, 0, 0));

    struct clone_args args = { .flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD };
    SHOW(clone3(args, 0));
    SHOW(clone3(args, CLONE_ARGS_SIZE_VER0 - 1));
    SHOW(clone3(args, 5000));
    SHOW(syscall(SYS_clone3, 8, sizeof args));
    SHOW(syscall(SYS_clone3, 0, sizeof args));
    char longer[sizeof args + 8] = { 0 };
    memcpy(longer, &args, sizeof args);
    longer[sizeof args] = 1;
    SHOW(syscall(SYS_clone3, longer, sizeof longer));

#define REFUSED(...)                                                                                       \
    do {                                                                                                   \
        struct clone_args args = { .flags = CLONE_VM, .exit_signal = SIGCHLD, .stack = (uintptr_t)stack,     \
                                   .stack_size = sizeof stack, __VA_ARGS__ };                              \
        long result = clone3(args, sizeof args);                                                           \
        printf("%s: %s\n", #__VA_ARGS__, result == -1 ? error_name(errno) : "OK");                         \
    } while (0)
#pragma GCC diagnostic ignored "-Woverride-init"
    REFUSED(.exit_signal = 65);
    REFUSED(.exit_signal = 1000);
    REFUSED(.exit_signal = 1ull << 32);
    REFUSED(.flags = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD);
    REFUSED(.flags = CLONE_VM | CLONE_PARENT);
    REFUSED(.flags = CLONE_VM | CLONE_DETACHED);
    REFUSED(.flags = CLONE_VM | 17);
    REFUSED(.flags = CLONE_VM | 1ull << 50);
    REFUSED(.flags = CLONE_VM | CLONE_SIGHAND | CLONE_CLEAR_SIGHAND);
    REFUSED(.stack = 0);
    REFUSED(.stack_size = 0);
    REFUSED(.stack = 1ull << 60);
    REFUSED(.set_tid_size = 1);
    REFUSED(.set_tid = 8);
    REFUSED(.set_tid = (uintptr_t)stack, .set_tid_size = 100);
    REFUSED(.set_tid = 8, .set_tid_size = 1);
    REFUSED(.set_tid = (uintptr_t)stack, .set_tid_size = 1);
    REFUSED(.flags = CLONE_VM | CLONE_INTO_CGROUP, .cgroup = 1000);
    SHOW(waitpid(-1, 0, WNOHANG | __WALL));
    return 0;
}

PROGRAM(test)
