// CLONE_PARENT makes a sibling, CLONE_CLEAR_SIGHAND resets handlers, CLONE_PIDFD gives a descriptor, by clone and clone3.
// build: -fno-stack-protector
#include "process.h"

/* clone3 with a function for the child to run. */
long clone3_running(struct clone_args *args, size_t size, int (*child)(void *), void *argument);
__asm__(".text\n"
        "clone3_running:\n"
        "  mov %rdx, %r8\n"
        "  mov %rcx, %r9\n"
        "  mov $435, %eax\n"
        "  syscall\n"
        "  test %rax, %rax\n"
        "  jz 1f\n"
        "  ret\n"
        "1: xor %ebp, %ebp\n"
        "  mov %r9, %rdi\n"
        "  call *%r8\n"
        "  mov %eax, %edi\n"
        "  mov $60, %eax\n"
        "  syscall\n"
        "  hlt\n");

static void handler(int signal)
{
    (void)signal;
}

static volatile pid_t sibling, sibling_parent;
static volatile int handlers;

static int as_sibling(void *argument)
{
    (void)argument;
    sibling_parent = getppid();
    return 21;
}

static int middle(void *argument)
{
    (void)argument;
    sibling = start_clone(CLONE_VM | CLONE_VFORK | CLONE_PARENT | SIGCHLD, as_sibling, 0);
    return waitpid(-1, 0, __WALL) == -1 && errno == ECHILD ? 20 : 1;
}

static int count_handlers(void *argument)
{
    (void)argument;
    struct sigaction action;
    sigaction(SIGUSR1, 0, &action);
    handlers = action.sa_handler == SIG_DFL ? 0 : 1;
    sigaction(SIGUSR2, 0, &action);
    handlers += action.sa_handler == SIG_IGN ? 10 : 0;
    return 0;
}

static int wait_for_byte(void *argument)
{
    await(*(int *)argument);
    return 12;
}

static int test(void)
{
    pid_t pid = start_clone(CLONE_VM | CLONE_VFORK | SIGCHLD, middle, 0);
    CHECK(pid > 0 && sibling > 0 && sibling != pid);
    printf("the sibling's parent: %d\n", sibling_parent == getpid());
    show_end("middle", pid);
    show_end("sibling", sibling);

    char *stack = mmap(0, CLONE_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct clone_args args = { .flags = CLONE_VM | CLONE_VFORK,
                               .exit_signal = SIGCHLD,
                               .stack = (uintptr_t)stack,
                               .stack_size = CLONE_STACK };
    set_handler(SIGUSR1, handler, 0);
    set_handler(SIGUSR2, SIG_IGN, 0);
    pid = clone3_running(&args, sizeof args, count_handlers, 0);
    CHECK(pid > 0);
    printf("handlers copied: %d\n", handlers);
    show_end("clone3", pid);
    args.flags |= CLONE_CLEAR_SIGHAND;
    pid = clone3_running(&args, CLONE_ARGS_SIZE_VER0, count_handlers, 0);
    CHECK(pid > 0);
    printf("handlers cleared: %d\n", handlers);
    show_end("clone3", pid);
    struct sigaction action;
    CHECK(sigaction(SIGUSR1, 0, &action) == 0);
    printf("the parent's handler: %d\n", action.sa_handler == handler);

    int gate[2], pidfd = -1;
    CHECK(pipe(gate) == 0);
    args.flags = CLONE_VM | CLONE_PIDFD;
    args.pidfd = (uintptr_t)&pidfd;
    pid = clone3_running(&args, sizeof args, wait_for_byte, &gate[0]);
    CHECK(pid > 0 && pidfd > gate[1]);
    printf("close-on-exec: %d\n", fcntl(pidfd, F_GETFD));
    siginfo_t info = { 0 };
    SHOW(waitid(P_PIDFD, pidfd, &info, WEXITED | WNOHANG));
    printf("nobody yet: %d\n", info.si_pid);
    tell(gate[1]);
    SHOW(waitid(P_PIDFD, pidfd, &info, WEXITED));
    printf("%d, status %d, code %d\n", info.si_pid == pid, info.si_status, info.si_code == CLD_EXITED);
    close(pidfd);

    args.pidfd = 8;
    printf("nowhere to store it: %d\n", clone3_running(&args, sizeof args, wait_for_byte, &gate[0]) == -EFAULT);
    SHOW(waitpid(-1, 0, WNOHANG));

    pidfd = -1;
    pid = clone(wait_for_byte, stack + CLONE_STACK, CLONE_VM | CLONE_PIDFD | SIGCHLD, &gate[0], &pidfd, 0, 0);
    CHECK(pid > 0 && pidfd > gate[1]);
    SHOW(syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, 0, 0));
    show_end("through the descriptor", pid);
    SHOW(syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, 0, 0));
    SHOW(waitid(P_PIDFD, pidfd, &info, WEXITED));
    return 0;
}

PROGRAM(test)
