// A process cloned into the caller's memory without CLONE_VFORK: both run, it ends alone, its exit signal is the one asked.
// build: -fno-stack-protector
#include <linux/futex.h>
#include <stdatomic.h>
#include "process.h"

static atomic_int turn;
static _Atomic pid_t child_tid, parent_tid;
static volatile int signals[65];
static volatile uint32_t storage_seen;

static void note(int signal)
{
    signals[signal]++;
}

static int ping_pong(void *argument)
{
    for (int i = 0; i < 1000; i++) {
        while (turn != 2 * i + 1)
            sched_yield();
        turn++;
    }
    return (int)(long)argument;
}

static int look_at_storage(void *argument)
{
    uint32_t word;
    __asm__ volatile("movl %%fs:0, %0" : "=r"(word));
    storage_seen = word;
    return (int)(long)argument;
}

static int grow(void *argument)
{
    /* Memory that the child maps is the parent's, too. */
    char *memory = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memory[12345] = 'z';
    *(char *volatile *)argument = memory;
    return 0;
}

static int exit_group_of_its_own(void *argument)
{
    (void)argument;
    syscall(SYS_exit_group, 33);
    return 0;
}

static int spin(void *argument)
{
    for (;;)
        (*(atomic_int *)argument)++;
    return 0;
}

static int test(void)
{
    forbid_core();
    pid_t pid = start_clone(CLONE_VM | SIGCHLD, ping_pong, (void *)9);
    CHECK(pid > 0);
    for (int i = 0; i < 1000; i++) {
        CHECK(turn == 2 * i);
        turn++;
        while (turn != 2 * i + 2)
            sched_yield();
    }
    show_end("ping-pong", pid);

    char *volatile memory = 0;
    show_end("grew", start_clone(CLONE_VM | SIGCHLD, grow, (void *)&memory));
    printf("mapped by the child: %c\n", memory[12345]);

    show_end("exit_group", start_clone(CLONE_VM | SIGCHLD, exit_group_of_its_own, 0));

    atomic_int counter = 0;
    pid = start_clone(CLONE_VM | SIGCHLD, spin, &counter);
    while (counter < 1000)
        sched_yield();
    CHECK(kill(pid, SIGKILL) == 0);
    show_end("killed", pid);
    int before = counter;
    pause_ms(5);
    printf("stands still: %d\n", counter == before);

    /* Ids stored, storage set. */
    static uint32_t storage[64] = { 4711 };
    char *stack = mmap(0, CLONE_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    child_tid = 1;
    pid = clone(look_at_storage, stack + CLONE_STACK,
                CLONE_VM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD, (void *)2, &parent_tid, storage,
                &child_tid);
    CHECK(pid > 0 && parent_tid == pid);
    for (int value; (value = child_tid) != 0;)
        syscall(SYS_futex, &child_tid, FUTEX_WAIT, value, 0, 0, 0);
    show_end("with storage", pid);
    printf("storage: %u\n", storage_seen);
    child_tid = 0;
    pid = clone(look_at_storage, stack + CLONE_STACK, CLONE_VM | CLONE_VFORK | CLONE_SETTLS | CLONE_CHILD_SETTID | SIGCHLD,
                (void *)3, 0, storage, &child_tid);
    printf("id stored for the child: %d\n", child_tid == pid);
    show_end("with its id", pid);

    /* The signal of its end. */
    for (int signal = 1; signal <= 64; signal++)
        if (signal == SIGUSR1 || signal == SIGCHLD || signal == SIGRTMIN)
            set_handler(signal, note, 0);
    static const int exit_signals[] = { SIGUSR1, SIGCHLD, 0, 34 /* SIGRTMIN */ };
    for (int i = 0; i < 4; i++) {
        pid = start_clone(CLONE_VM | CLONE_VFORK | exit_signals[i], look_at_storage, (void *)4);
        CHECK(pid > 0);
        int status = end_of(pid);
        printf("exit signal %d: %s; USR1 %d, CHLD %d, RTMIN %d\n", exit_signals[i], status_text(status), signals[SIGUSR1],
               signals[SIGCHLD], signals[SIGRTMIN]);
    }
    return 0;
}

PROGRAM(test)
