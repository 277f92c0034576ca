// Children whose end sends another signal than SIGCHLD are waited for with __WCLONE or __WALL alone.
#include "process.h"

static int quit(void *argument)
{
    return (int)(long)argument;
}

static void show(const char *what, int options)
{
    int status;
    pid_t pid = waitpid(-1, &status, options);
    printf("%s: %s\n", what, pid > 0 ? status_text(status) : pid == 0 ? "nobody" : error_name(errno));
}

static int exec_true(void *argument)
{
    char *arguments[] = { "true", 0 };
    (void)argument;
    execv("/bin/true", arguments);
    return 1;
}

static int test(void)
{
    set_handler(SIGUSR1, SIG_IGN, 0);
    CHECK(start_clone(CLONE_VM | CLONE_VFORK, quit, (void *)1) > 0);
    show("no signal, plain", 0);
    show("no signal, __WCLONE", __WCLONE);
    CHECK(start_clone(CLONE_VM | CLONE_VFORK | SIGUSR1, quit, (void *)2) > 0);
    show("another signal, plain", WNOHANG);
    show("another signal, __WALL", __WALL);
    CHECK(start_clone(CLONE_VM | CLONE_VFORK | SIGCHLD, quit, (void *)3) > 0);
    show("SIGCHLD, __WCLONE", __WCLONE);
    show("SIGCHLD, __WALL", __WALL);
    siginfo_t info = { 0 };
    CHECK(start_clone(CLONE_VM | CLONE_VFORK, quit, (void *)4) > 0);
    SHOW(waitid(P_ALL, 0, &info, WEXITED));
    SHOW(waitid(P_ALL, 0, &info, WEXITED | __WCLONE));
    printf("status %d\n", info.si_status);
    /* A program's end sends SIGCHLD, whatever was asked for. */
    CHECK(start_clone(CLONE_VM | CLONE_VFORK | SIGUSR1, exec_true, 0) > 0);
    show("program", 0);
    show("nobody left", __WALL);
    return 0;
}

PROGRAM(test)
