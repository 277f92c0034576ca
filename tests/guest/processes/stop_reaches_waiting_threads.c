// A stop reaches threads that wait with all signals blocked; what they wait in goes on or ends with EINTR, as on Linux.
#include <poll.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <linux/futex.h>
#include "process.h"

static int words[1], channel[2], results[4], ready;

static void *wait_somewhere(void *how)
{
    sigset_t all;
    sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, 0) == 0);
    long which = (long)how, result = 0;
    char byte;
    tell(ready);
    switch (which) {
    case 0: {
        sigset_t some;
        sigemptyset(&some);
        sigaddset(&some, SIGUSR1);
        struct timespec limit = { 30, 0 };
        result = sigtimedwait(&some, 0, &limit);
        break;
    }
    case 1:
        result = read(channel[0], &byte, 1);
        break;
    case 2:
        result = syscall(SYS_futex, words, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0);
        break;
    case 3: {
        struct timespec limit = { 0, 200000000 };
        result = nanosleep(&limit, 0);
        break;
    }
    }
    results[which] = result == -1 ? -errno : (int)result;
    return 0;
}

static int waits(char **args)
{
    ready = atoi(args[0]);
    int go_on = atoi(args[1]);
    pthread_t threads[4];
    CHECK(pipe(channel) == 0);
    for (long which = 0; which < 4; which++)
        CHECK(pthread_create(&threads[which], 0, wait_somewhere, (void *)which) == 0);
    /* Told that the parent has seen the stop, and continued it. */
    await(go_on);
    CHECK(write(channel[1], "x", 1) == 1);
    words[0] = 1;
    CHECK(syscall(SYS_futex, words, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0) >= 0);
    for (int which = 0; which < 4; which++)
        CHECK(pthread_join(threads[which], 0) == 0);
    printf("sigtimedwait: %s\n", results[0] < 0 ? error_name(-results[0]) : "a signal");
    printf("read: %d\n", results[1]);
    printf("futex: %s\n", results[2] == 0 || results[2] == -EAGAIN ? "woken" : error_name(-results[2]));
    printf("nanosleep: %d\n", results[3]);
    return 0;
}

static int test(void)
{
    int told[2], go_on[2], status;
    CHECK(pipe(told) == 0 && pipe(go_on) == 0);
    pid_t pid = SPAWN("waits", text_of(told[1]), text_of(go_on[0]));
    for (int i = 0; i < 4; i++)
        await(told[0]);
    pause_ms(20);
    CHECK(kill(pid, SIGSTOP) == 0);
    CHECK(waitpid(pid, &status, WUNTRACED) == pid);
    printf("%s\n", status_text(status));
    pause_ms(250);
    CHECK(kill(pid, SIGCONT) == 0);
    tell(go_on[1]);
    show_end("waits", pid);
    return 0;
}

PROGRAM(test, { "waits", waits })
