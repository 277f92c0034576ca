// clone without CLONE_VM sets the child's thread pointer and stack, tells ids in the memories that it's told to, clears
// and wakes in the child's alone, and gives a pidfd; it refuses what threads alone may share.
#define _GNU_SOURCE
#include "../check.h"
#include <asm/prctl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static pid_t clone_with(struct clone_args args)
{
    return syscall(SYS_clone3, &args, sizeof args);
}

static int wait_for(pid_t child)
{
    int status;
    CHECK(waitpid(child, &status, __WALL) == child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void ids(void)
{
    /* One word in memory that both share, one in memory that is copied. */
    int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    static pid_t copied, parents;
    CHECK(shared != MAP_FAILED);
    pid_t child = clone_with((struct clone_args){
        .flags = CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | CLONE_PARENT_SETTID,
        .exit_signal = SIGCHLD,
        .child_tid = (unsigned long)&copied,
        .parent_tid = (unsigned long)&parents,
    });
    CHECK(child >= 0);
    if (child == 0)
        _exit((copied == getpid()) + 2 * (parents == getpid()));
    printf("told in the child: %d, in the parent: %d %d\n", wait_for(child), copied == 0, parents == child);

    *shared = 1;
    child = clone_with((struct clone_args){
        .flags = CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID,
        .exit_signal = SIGCHLD,
        .child_tid = (unsigned long)shared,
    });
    CHECK(child >= 0);
    if (child == 0)
        _exit(*shared == getpid());
    int told = wait_for(child);
    /* Linux clears the word of a process only if somebody else uses its memory. */
    printf("in shared memory: %d, then %s\n", told, *shared == child ? "kept" : "cleared");
}

static __thread int local = 7;

static void thread_pointer(void)
{
    unsigned long own;
    CHECK(syscall(SYS_arch_prctl, ARCH_GET_FS, &own) == 0);
    /* Empty but for the one variable: the child calls nothing that needs more. */
    static char block[16384] __attribute__((aligned(64)));
    unsigned long new = (unsigned long)block + sizeof block / 2;
    *(int *)(new - (own - (unsigned long)&local)) = 4;
    pid_t child = clone_with((struct clone_args){.flags = CLONE_SETTLS, .exit_signal = SIGCHLD, .tls = new});
    CHECK(child >= 0);
    if (child == 0) {
        unsigned long there;
        CHECK(syscall(SYS_arch_prctl, ARCH_GET_FS, &there) == 0);
        int seen = local;
        local = 9;
        syscall(SYS_exit, (there == new) + 10 * seen);
    }
    int seen = wait_for(child);
    printf("thread pointer: %d, %d\n", seen, local);
    errno = 0;
    SHOW(clone_with((struct clone_args){.flags = CLONE_SETTLS, .exit_signal = SIGCHLD, .tls = 1UL << 60}));
}

static int on_stack(void *argument)
{
    char here;
    return &here > (char *)argument && &here < (char *)argument + 65536 ? 5 : 6;
}

static void stack(void)
{
    char *stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(stack != MAP_FAILED);
    pid_t child = clone(on_stack, stack + 65536, SIGCHLD, stack);
    CHECK(child > 0);
    printf("stack: %d\n", wait_for(child));
    child = clone(on_stack, stack + 65536, CLONE_VFORK | SIGCHLD, stack);
    CHECK(child > 0);
    printf("with CLONE_VFORK: %d\n", wait_for(child));
}

static void pidfd(void)
{
    int fd = -1, signals[2];
    CHECK(pipe(signals) == 0);
    pid_t child = clone_with((struct clone_args){
        .flags = CLONE_PIDFD | CLONE_FILES, .exit_signal = SIGCHLD, .pidfd = (unsigned long)&fd});
    CHECK(child >= 0);
    if (child == 0) {
        /* It's in the table of files that both have. */
        pause();
        _exit(0);
    }
    struct pollfd poller = {fd, POLLIN, 0};
    printf("pidfd: %d", poll(&poller, 1, 0));
    CHECK(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0) == 0);
    printf(", %d", poll(&poller, 1, 10000));
    siginfo_t info;
    CHECK(waitid(P_PIDFD, fd, &info, WEXITED) == 0);
    printf(", %s %d\n", info.si_code == CLD_KILLED ? "killed by" : "?", info.si_status);
}

static void exit_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGCHLD);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    pid_t child = clone_with((struct clone_args){.exit_signal = SIGUSR1});
    if (child == 0)
        _exit(3);
    siginfo_t info;
    CHECK(sigwaitinfo(&set, &info) == SIGUSR1 && info.si_pid == child);
    SHOW(waitpid(child, NULL, 0));
    printf("waited for as a clone: %d\n", wait_for(child));
    child = clone_with((struct clone_args){0});
    if (child == 0)
        _exit(4);
    printf("without a signal: %d\n", wait_for(child));
    struct timespec now = {0};
    SHOW(sigtimedwait(&set, &info, &now));
}

int main(void)
{
    ids();
    thread_pointer();
    stack();
    pidfd();
    exit_signals();
    const unsigned long refused[] = {
        CLONE_SIGHAND, CLONE_THREAD, CLONE_THREAD | CLONE_SIGHAND, CLONE_SIGHAND | CLONE_CLEAR_SIGHAND | CLONE_VM,
        CLONE_FS | CLONE_NEWNS,
    };
    for (unsigned i = 0; i < sizeof refused / sizeof *refused; i++) {
        errno = 0;
        CHECK(clone_with((struct clone_args){.flags = refused[i]}) == -1);
        printf("%#lx: %s\n", refused[i], error_name(errno));
    }
    SHOW(clone_with((struct clone_args){.exit_signal = 100}));
    SHOW(clone_with((struct clone_args){.flags = CLONE_PARENT, .exit_signal = SIGCHLD}));
    SHOW(clone_with((struct clone_args){.stack_size = 4096}));
}
