// Threads and clones that came and went leave nothing in the LibOS's heap, nor do signals that nobody took.
// timeout: 120
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "../enclos.h"

/* How much the heap may grow by what is reused later: a leak of one piece for each of 10,000 threads is more. */
enum { AT_ONCE = 40, STACK = 1 << 14, SLACK = 96 << 10 };

static pthread_barrier_t barrier;

/* All of them live at once, so that most host threads end as well. */
static void *run(void *argument)
{
    pthread_barrier_wait(&barrier);
    return argument;
}

static void threads(int count)
{
    pthread_t thread[AT_ONCE];
    for (int i = 0; i < count; i += AT_ONCE) {
        for (int j = 0; j < AT_ONCE; j++)
            CHECK(pthread_create(&thread[j], 0, run, 0) == 0);
        for (int j = 0; j < AT_ONCE; j++)
            CHECK(pthread_join(thread[j], 0) == 0);
    }
}

static int end(void *argument)
{
    return argument != 0;
}

static int sleep_on(void *argument)
{
    (void)argument;
    for (;;)
        pause();
}

static void clones(int count, char *stack)
{
    static const int flags[] = { CLONE_VM, CLONE_FILES | CLONE_FS, CLONE_VM | CLONE_VFORK, CLONE_PIDFD, CLONE_VM | CLONE_SIGHAND };
    for (int i = 0; i < count; i++) {
        int flag = flags[i % 5], pidfd = -1, status;
        pid_t pid = clone(end, stack + STACK, flag | SIGCHLD, 0, &pidfd, 0, 0);
        CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
        if (flag == CLONE_PIDFD)
            CHECK(close(pidfd) == 0);
    }
}

/* A process is killed with signals queued. */
static void signals(int count, char *stack)
{
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGRTMIN);
    CHECK(sigprocmask(SIG_BLOCK, &blocked, &before) == 0);
    pid_t pid = clone(sleep_on, stack + STACK, SIGCHLD, 0);
    CHECK(pid > 0 && sigprocmask(SIG_SETMASK, &before, 0) == 0);
    for (int i = 0; i < count; i++)
        CHECK(sigqueue(pid, SIGRTMIN, (union sigval){ .sival_int = i }) == 0);
    int status;
    CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid && WTERMSIG(status) == SIGKILL);
}

int main(void)
{
    char *stack = mmap(0, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(stack != MAP_FAILED && pthread_barrier_init(&barrier, 0, AT_ONCE) == 0);
    threads(2000);
    clones(100, stack);
    signals(100, stack);
    long before = enclos_heap();
    threads(10000);
    printf("after threads: %d\n", enclos_heap_is_as_before(before, SLACK));
    clones(1000, stack);
    printf("after clones: %d\n", enclos_heap_is_as_before(before, SLACK));
    for (int i = 0; i < 10; i++)
        signals(1000, stack);
    printf("after signals: %d\n", enclos_heap_is_as_before(before, SLACK));
    printf("consistent: %d\n", enclos_is_consistent());
    return 0;
}
