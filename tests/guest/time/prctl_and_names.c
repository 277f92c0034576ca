// prctl: the thread's name, as /proc has it too; and the other options that programs use.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include "check.h"

static void *named(void *argument)
{
    (void)argument;
    CHECK(pthread_setname_np(pthread_self(), "other") == 0);
    char name[16];
    CHECK(prctl(PR_GET_NAME, name) == 0);
    printf("thread: %s\n", name);
    return 0;
}

int main(void)
{
    char name[16];
    SHOW(prctl(PR_GET_NAME, name));
    printf("%s\n", name);
    SHOW(prctl(PR_SET_NAME, "a name that is far too long"));
    SHOW(prctl(PR_GET_NAME, name));
    printf("%s\n", name);
    pthread_t thread;
    CHECK(pthread_create(&thread, 0, named, 0) == 0 && pthread_join(thread, 0) == 0);
    int comm = open("/proc/self/comm", O_RDONLY);
    char text[32] = "";
    CHECK(read(comm, text, sizeof text) > 0);
    printf("comm: %s", text);
    SHOW(prctl(PR_SET_NAME, 8));
    SHOW(prctl(PR_GET_NAME, 8));
    SHOW_VALUE(prctl(PR_GET_DUMPABLE));
    SHOW(prctl(PR_SET_DUMPABLE, 0));
    SHOW_VALUE(prctl(PR_GET_DUMPABLE));
    SHOW(prctl(PR_SET_DUMPABLE, 5));
    SHOW_VALUE(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    SHOW(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    SHOW_VALUE(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    SHOW(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
    SHOW(prctl(PR_SET_PDEATHSIG, SIGTERM));
    int signal = 0;
    SHOW(prctl(PR_GET_PDEATHSIG, &signal));
    printf("%d\n", signal);
    SHOW(prctl(PR_SET_PDEATHSIG, 0));
    SHOW(prctl(PR_SET_PDEATHSIG, 100));
    SHOW_VALUE(prctl(PR_GET_KEEPCAPS));
    SHOW_VALUE(prctl(PR_GET_TIMERSLACK) > 0);
    SHOW(prctl(PR_SET_CHILD_SUBREAPER, 1));
    SHOW(prctl(PR_GET_CHILD_SUBREAPER, &signal));
    printf("%d\n", signal);
    SHOW(prctl(123456, 0, 0, 0, 0));
    return 0;
}
