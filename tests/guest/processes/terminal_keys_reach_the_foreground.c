// A small shell with jobs: Ctrl-C, Ctrl-\ and Ctrl-Z reach all processes of the foreground group, and nobody else.
// terminal: 24 80
// on: job 1 runs => type ^C
// on: job 2 runs => type ^\
// on: job 3 runs => type ^Z
// on: job 3 again => type ^C
// on: job 4 runs => type ^C
// on: the shell waits => type ^C
// on: no signals => type ^C^Z^M
// on: job 5 runs => type ^Z
// on: job 5 again => type ^D
#include <sys/ioctl.h>
#include <termios.h>
#include "process.h"

static volatile int got;

static void handler(int signal)
{
    got = signal;
}

/* Two processes of a group: this one, and one that it starts. */
static int job(char **args)
{
    forbid_core();
    int ready = atoi(args[0]);
    if (args[1] && strcmp(args[1], "handles") == 0)
        set_handler(SIGINT, handler, 0);
    if (args[1] && strcmp(args[1], "second") == 0) {
        tell(ready);
        for (;;)
            pause_ms(10000);
    }
    pid_t second = SPAWN("job", args[0], "second");
    tell(ready);
    while (!got)
        pause_ms(1);
    int status = end_of(second);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 99;
}

static int read_all(char **args)
{
    char line[10];
    tell(atoi(args[0]));
    tell(atoi(args[0]));
    ssize_t got = read(0, line, sizeof line);
    return 70 + (int)got;
}

static int ready[2];

static pid_t start(const char *role, const char *how, int foreground)
{
    posix_spawnattr_t attributes;
    CHECK(posix_spawnattr_init(&attributes) == 0);
    CHECK(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF) == 0);
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGINT);
    sigaddset(&defaults, SIGQUIT);
    sigaddset(&defaults, SIGTSTP);
    sigaddset(&defaults, SIGTTOU);
    CHECK(posix_spawnattr_setsigdefault(&attributes, &defaults) == 0);
    posix_spawn_file_actions_t actions;
    CHECK(posix_spawn_file_actions_init(&actions) == 0);
    if (foreground)
        CHECK(posix_spawn_file_actions_addtcsetpgrp_np(&actions, 0) == 0);
    pid_t pid = SPAWN_WITH(&actions, &attributes, (char *)role, text_of(ready[1]), (char *)how);
    CHECK(pid > 0);
    await(ready[0]);
    await(ready[0]);
    return pid;
}

static void finish(const char *what, pid_t pid)
{
    int status;
    CHECK(waitpid(pid, &status, WUNTRACED) == pid);
    CHECK(tcsetpgrp(0, getpgrp()) == 0);
    printf("\n%s: %s\n", what, status_text(status));
}

static int test(void)
{
    set_handler(SIGINT, handler, 0);
    set_handler(SIGQUIT, SIG_IGN, 0);
    set_handler(SIGTSTP, SIG_IGN, 0);
    set_handler(SIGTTOU, SIG_IGN, 0);
    CHECK(pipe(ready) == 0);
    pid_t background = start("job", 0, 0);

    pid_t pid = start("job", 0, 1);
    puts("job 1 runs");
    finish("Ctrl-C", pid);
    pid = start("job", 0, 1);
    puts("job 2 runs");
    finish("Ctrl-\\", pid);
    pid = start("job", 0, 1);
    puts("job 3 runs");
    finish("Ctrl-Z", pid);
    CHECK(tcsetpgrp(0, pid) == 0 && kill(-pid, SIGCONT) == 0);
    puts("job 3 again");
    finish("continued and Ctrl-C", pid);
    pid = start("job", "handles", 1);
    puts("job 4 runs");
    finish("handled by one, not by the other", pid);
    printf("the shell has got: %d\n", got);

    puts("the shell waits");
    while (!got)
        pause_ms(1);
    printf("\nthe shell has got: %d\n", got);
    got = 0;
    struct termios modes, quiet;
    CHECK(tcgetattr(0, &modes) == 0);
    quiet = modes;
    quiet.c_lflag &= ~ISIG;
    CHECK(tcsetattr(0, TCSANOW, &quiet) == 0);
    puts("no signals");
    char line[10];
    ssize_t length = read(0, line, sizeof line);
    printf("read %zd: %d %d, got %d\n", length, line[0], line[1], got);
    CHECK(tcsetattr(0, TCSANOW, &modes) == 0);

    /* A read that is stopped and goes on when the job is in the foreground again. */
    pid = start("read", 0, 1);
    puts("job 5 runs");
    finish("reader, Ctrl-Z", pid);
    CHECK(tcsetpgrp(0, pid) == 0 && kill(-pid, SIGCONT) == 0);
    puts("job 5 again");
    finish("reader, Ctrl-D", pid);

    int status;
    printf("in the background all the while: %d\n", waitpid(background, &status, WNOHANG | WUNTRACED));
    CHECK(kill(-background, SIGKILL) == 0);
    show_end("background", background);
    return 0;
}

PROGRAM(test, { "job", job }, { "read", read_all })
