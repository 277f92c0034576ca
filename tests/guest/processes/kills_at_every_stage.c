// 1,000 processes stopped, continued and killed at any stage: in a vfork before and after execve, in an execve with
// other threads, while they wait for children, while all their threads come and go. Each is waited for with the right
// status, its orphans end, and the LibOS is consistent afterwards.
// build: -pthread
// timeout: 120
#include <pthread.h>
#include <sys/prctl.h>
#include "../enclos.h"
#include "process.h"

enum { TOTAL = 1000, ROUNDS = 50, LIVE = 6, KINDS = 11 };

static unsigned seed = 4321;

static unsigned random_number(unsigned bound)
{
    seed = seed * 1103515245 + 12345;
    return (seed >> 16) % bound;
}

static void spend(unsigned spins)
{
    while (spins--)
        __asm__ volatile("");
}

static void *spin(void *argument)
{
    for (;;)
        __asm__ volatile("");
    return argument;
}

static void *come_and_go(void *argument)
{
    return argument;
}

static void start(void *(*body)(void *), char *argument)
{
    pthread_t thread;
    if (pthread_create(&thread, 0, body, argument) == 0)
        pthread_detach(thread);
}

/* By name: a process whose first thread has ended has no /proc/self/exe. */
static char program[4096];

static void *self_again(char *kind)
{
    execl(program, "self", "work", kind, (char *)0);
    _exit(8);
}

static void *exec_from_thread(void *argument)
{
    spend(50000);
    return self_again(argument);
}

static void *start_threads(void *argument)
{
    for (;;)
        start(come_and_go, 0);
    return argument;
}

static void *wait_for_any(void *argument)
{
    siginfo_t info;
    while (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WCONTINUED) == 0)
        continue;
    return argument;
}

static void *vfork_and_exec(void *argument)
{
    for (;;) {
        pid_t pid = vfork();
        if (pid == 0) {
            spend(20000);
            self_again("10");
        }
        int status;
        if (pid > 0)
            waitpid(pid, &status, 0);
    }
    return argument;
}

static int work(char **args)
{
    int status;
    CHECK(readlink("/proc/self/exe", program, sizeof program - 1) > 0);
    switch (atoi(args[0])) {
    case 0: /* execve upon execve */
        spend(20000);
        self_again("0");
        break;
    case 1: /* execve with threads that run, by a thread that isn't the first */
        start(spin, 0);
        start(exec_from_thread, args[0]);
        spin(0);
        break;
    case 2: /* vforks that execve, in several threads at once */
        start(vfork_and_exec, 0);
        vfork_and_exec(0);
        break;
    case 3: /* the child of a vfork lasts */
        for (;;)
            if (vfork() == 0) {
                pause_ms(1);
                _exit(0);
            }
    case 4: /* children that stop, are continued and end, and threads that all wait for them */
        start(wait_for_any, 0);
        start(wait_for_any, 0);
        for (;;) {
            pid_t pid = SPAWN_WITH(0, 0, "work", "10");
            if (pid > 0) {
                kill(pid, SIGSTOP);
                kill(pid, SIGCONT);
                kill(pid, SIGKILL);
                waitpid(pid, &status, 0);
            }
        }
    case 5: /* threads come and go while the first is gone */
        start(spin, 0);
        start(exec_from_thread, args[0]);
        pthread_exit(0);
    case 6: /* threads that fork */
        for (;;) {
            pid_t pid = fork();
            if (pid == 0)
                self_again("10");
            if (pid > 0)
                waitpid(pid, &status, 0);
            start(come_and_go, 0);
        }
    case 7: /* it ends while its threads execve and vfork */
        start(vfork_and_exec, 0);
        start(exec_from_thread, args[0]);
        spend(100000);
        exit(7);
    case 8: /* it stops itself */
        for (;;)
            raise(SIGSTOP);
    case 9: /* an execve while other threads start threads, vfork and execve */
        start(vfork_and_exec, 0);
        start(start_threads, 0);
        exec_from_thread(args[0]);
        break;
    default:
        spend(100000);
    }
    return 7;
}

/* It is stopped, continued, killed, in some order. */
static void disturb(pid_t pid)
{
    static const int signals[] = { SIGSTOP, SIGCONT, SIGTSTP, SIGCONT, SIGSTOP, SIGTERM };
    for (unsigned count = random_number(4); count; count--) {
        CHECK(kill(pid, signals[random_number(6)]) == 0);
        spend(random_number(20000));
        if (random_number(3) == 0)
            pause_ms(random_number(2));
    }
    CHECK(kill(pid, SIGKILL) == 0);
}

/* Waits for it, and whether it ended as it may. */
static int ends_well(pid_t pid)
{
    int status = end_of(pid);
    return (WIFSIGNALED(status) && (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGTERM)) ||
           (WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static int test(void)
{
    pid_t live[LIVE];
    int wrong = 0, status;
    CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < LIVE; i++)
            live[i] = SPAWN("work", text_of(random_number(KINDS)));
        for (int done = 0; done < TOTAL / ROUNDS; done++) {
            int index = random_number(LIVE);
            spend(random_number(50000));
            disturb(live[index]);
            wrong += !ends_well(live[index]);
            live[index] = SPAWN("work", text_of(random_number(KINDS)));
        }
        for (int i = 0; i < LIVE; i++) {
            kill(live[i], SIGKILL);
            wrong += !ends_well(live[i]);
        }
        /* Of a child that was left stopped nobody else knows. */
        pid_t pid;
        while ((pid = waitpid(-1, &status, WUNTRACED)) > 0)
            if (WIFSTOPPED(status))
                kill(pid, SIGKILL);
        CHECK(errno == ECHILD);
    }
    printf("wrong: %d\n", wrong);
    printf("consistent %d\n", enclos_is_consistent());
    show_end("one more", SPAWN("work", "10"));
    return 0;
}

PROGRAM(test, { "work", work })
