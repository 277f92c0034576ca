// execve ends the process's other threads, whatever they do, and the program runs with the process's id from any thread.
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/time.h>
#include "process.h"

static atomic_int running;
static int empty[2];
/* The first thread's link to it is gone with that thread. */
static char program[4096];

static int count_threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    CHECK(tasks);
    int count = -2; /* without . and .. */
    while (readdir(tasks))
        count++;
    closedir(tasks);
    return count;
}

static int report(char **args)
{
    pause_ms(5);
    printf("%s: same id %d, thread id is the process's %d, threads %d\n", args[0], getpid() == atoi(args[1]),
           gettid() == getpid(), count_threads());
    return 30 + atoi(args[2]);
}

static void *spin(void *argument)
{
    running++;
    for (;;)
        *(volatile char *)argument = 1;
    return 0;
}

static void *sleep_long(void *argument)
{
    running++;
    for (;;)
        pause_ms(1000000);
    return argument;
}

static void *read_nothing(void *argument)
{
    char byte;
    running++;
    for (;;)
        CHECK(read(empty[0], &byte, 1) == -1);
    return argument;
}

static void *call(void *argument)
{
    running++;
    for (;;)
        getppid();
    return argument;
}

static void *hold_mutex(void *argument)
{
    pthread_mutex_lock(argument);
    running++;
    for (;;)
        pause_ms(1000000);
    return argument;
}

static void *want_mutex(void *argument)
{
    running++;
    pthread_mutex_lock(argument);
    return argument;
}

static void start(void)
{
    static char byte;
    CHECK(readlink("/proc/self/exe", program, sizeof program - 1) > 0);
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    CHECK(pipe2(empty, O_CLOEXEC) == 0);
    void *(*const work[])(void *) = { spin, sleep_long, read_nothing, call, spin, hold_mutex, want_mutex, want_mutex };
    int count = sizeof work / sizeof *work;
    for (int i = 0; i < count; i++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, 0, work[i], i < 5 ? (void *)&byte : (void *)&mutex) == 0);
        while (running < i + 1)
            sched_yield();
    }
}

static void *exec_report(void *argument)
{
    char *arguments[] = { "self", "report", argument, text_of(getpid()), "2", 0 };
    execv(program, arguments);
    return 0;
}

static int from_the_first(char **args)
{
    (void)args;
    start();
    exec_report("from the first thread");
    return 1;
}

static int from_another(char **args)
{
    (void)args;
    start();
    pthread_t thread;
    CHECK(pthread_create(&thread, 0, exec_report, "from another thread") == 0);
    for (;;)
        pause();
}

static void *exec_after_the_first(void *argument)
{
    (void)argument;
    pause_ms(10);
    return exec_report("after the first thread's end");
}

static int after_the_first(char **args)
{
    (void)args;
    start();
    pthread_t thread;
    CHECK(pthread_create(&thread, 0, exec_after_the_first, 0) == 0);
    pthread_exit(0);
}

/* All threads want to: one does. */
static pthread_barrier_t barrier;

static void *race(void *argument)
{
    pthread_barrier_wait(&barrier);
    return exec_report(argument);
}

static int by_all(char **args)
{
    (void)args;
    pthread_t thread;
    start();
    pthread_barrier_init(&barrier, 0, 8);
    for (int i = 0; i < 7; i++)
        CHECK(pthread_create(&thread, 0, race, "by all at once") == 0);
    race("by all at once");
    return 1;
}

static void *fail_to_exec(void *argument)
{
    char *arguments[] = { "none", 0 };
    for (int i = 0; i < 50; i++)
        CHECK(execv(i % 2 ? "/etc/passwd" : "/no/such", arguments) == -1);
    return argument;
}

static int test(void)
{
    show_end("end", SPAWN("first"));
    show_end("end", SPAWN("another"));
    show_end("end", SPAWN("after"));
    for (int i = 0; i < 5; i++)
        show_end("end", SPAWN("all"));
    /* A failing execve ends nobody. */
    start();
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], 0, fail_to_exec, 0) == 0);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_join(threads[i], 0) == 0);
    puts("200 failures");
    return 0;
}

PROGRAM(test, { "first", from_the_first }, { "another", from_another }, { "after", after_the_first }, { "all", by_all },
        { "report", report })
