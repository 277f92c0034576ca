// A stop holds every thread of the process, wherever it is; a continue lets all go on, and system calls go on, too.
#include <pthread.h>
#include <stdatomic.h>
#include "process.h"

struct shared {
    atomic_int counters[4];
    atomic_int ready, woken;
};

static struct shared *shared;

static void *count(void *argument)
{
    atomic_int *counter = argument;
    shared->ready++;
    for (;;)
        (*counter)++;
    return 0;
}

static void *call(void *argument)
{
    atomic_int *counter = argument;
    shared->ready++;
    for (;;) {
        getppid();
        (*counter)++;
    }
    return 0;
}

static int many_threads(char **args)
{
    shared = mmap(0, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, atoi(args[0]), 0);
    CHECK(shared != MAP_FAILED);
    pthread_t thread;
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&thread, 0, i % 2 ? call : count, &shared->counters[i]) == 0);
    count(&shared->counters[3]);
    return 0;
}

/* Sleeps through its stops: each call returns what it would have. */
static int sleeps(char **args)
{
    shared = mmap(0, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, atoi(args[0]), 0);
    CHECK(shared != MAP_FAILED);
    shared->ready = 100;
    char byte = 0;
    errno = 0;
    ssize_t got = read(atoi(args[1]), &byte, 1);
    printf("read: %zd, %s\n", got, error_name(errno));
    shared->ready = 101;
    struct timespec time = { 0, 30000000 };
    errno = 0;
    int result = nanosleep(&time, 0);
    printf("nanosleep: %d, %s\n", result, error_name(errno));
    return 0;
}

static int test(void)
{
    int memory = memfd_create("shared", 0), pipes[2];
    CHECK(memory >= 0 && ftruncate(memory, 4096) == 0 && pipe(pipes) == 0);
    shared = mmap(0, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    CHECK(shared != MAP_FAILED);
    pid_t pid = SPAWN("many", text_of(memory));
    while (shared->ready < 4)
        pause_ms(1);
    for (int round = 0; round < 10; round++) {
        CHECK(kill(pid, SIGSTOP) == 0);
        int status, before[4];
        CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
        for (int i = 0; i < 4; i++)
            before[i] = shared->counters[i];
        pause_ms(5);
        for (int i = 0; i < 4; i++)
            CHECK(shared->counters[i] == before[i]);
        CHECK(kill(pid, SIGCONT) == 0);
        CHECK(waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status));
        for (int i = 0; i < 4; i++)
            while (shared->counters[i] == before[i])
                pause_ms(1);
    }
    CHECK(kill(pid, SIGKILL) == 0);
    show_end("ten stops", pid);

    pid = SPAWN("sleeps", text_of(memory), text_of(pipes[0]));
    while (shared->ready != 100)
        pause_ms(1);
    await_state(pid, 'S');
    int status;
    CHECK(kill(pid, SIGSTOP) == 0 && waitpid(pid, &status, WUNTRACED) == pid && kill(pid, SIGCONT) == 0);
    await_state(pid, 'S');
    CHECK(kill(pid, SIGSTOP) == 0 && waitpid(pid, &status, WUNTRACED) == pid);
    tell(pipes[1]);
    pause_ms(5);
    CHECK(shared->ready == 100);
    CHECK(kill(pid, SIGCONT) == 0);
    while (shared->ready != 101)
        pause_ms(1);
    await_state(pid, 'S');
    CHECK(kill(pid, SIGSTOP) == 0 && waitpid(pid, &status, WUNTRACED) == pid && kill(pid, SIGCONT) == 0);
    show_end("sleeps", pid);
    return 0;
}

PROGRAM(test, { "many", many_threads }, { "sleeps", sleeps })
