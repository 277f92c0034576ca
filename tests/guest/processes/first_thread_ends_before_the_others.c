// A process whose first thread has ended lives on: it is signalled, stopped and waited for as before, till its last thread ends.
#include <pthread.h>
#include "process.h"

static int ready, gate;

static void *go_on(void *argument)
{
    pid_t self = getpid();
    while (state_of(self) != 'Z')
        pause_ms(1);
    tell(ready);
    await(gate);
    if (argument)
        _exit(35);
    return 0;
}

static int child(char **args)
{
    ready = atoi(args[0]);
    gate = atoi(args[1]);
    pthread_t thread;
    CHECK(pthread_create(&thread, 0, go_on, args[2]) == 0);
    pthread_exit(0);
}

static int test(void)
{
    int readies[2], gates[2], status;
    CHECK(pipe(readies) == 0 && pipe(gates) == 0);
    pid_t pid = SPAWN("child", text_of(readies[1]), text_of(gates[0]));
    await(readies[0]);
    printf("state %c; waits: %d\n", state_of(pid), waitpid(pid, &status, WNOHANG));
    SHOW(kill(pid, 0));
    CHECK(kill(pid, SIGSTOP) == 0 && waitpid(pid, &status, WUNTRACED) == pid);
    printf("%s\n", status_text(status));
    CHECK(kill(pid, SIGCONT) == 0 && waitpid(pid, &status, WCONTINUED) == pid);
    printf("%s\n", status_text(status));
    tell(gates[1]);
    show_end("last thread returned", pid);

    pid = SPAWN("child", text_of(readies[1]), text_of(gates[0]), "exit");
    await(readies[0]);
    tell(gates[1]);
    show_end("last thread called _exit", pid);
    pid = SPAWN("child", text_of(readies[1]), text_of(gates[0]), "exit");
    await(readies[0]);
    CHECK(kill(pid, SIGTERM) == 0);
    show_end("terminated", pid);
    return 0;
}

PROGRAM(test, { "child", child })
