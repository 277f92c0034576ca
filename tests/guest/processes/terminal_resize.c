// A change of the window's size sends SIGWINCH to the foreground group, from outside and by TIOCSWINSZ.
// terminal: 24 80
// on: first => resize 30 100
// on: second => resize 31 101
#include <sys/ioctl.h>
#include "process.h"

static volatile int got;

static void handler(int signal)
{
    (void)signal;
    got++;
}

static void wait_and_show(const char *what)
{
    while (!got)
        pause_ms(1);
    got = 0;
    struct winsize size;
    CHECK(ioctl(0, TIOCGWINSZ, &size) == 0);
    printf("%s: %d rows, %d columns\n", what, size.ws_row, size.ws_col);
}

static int job(char **args)
{
    set_handler(SIGWINCH, handler, 0);
    tell(atoi(args[0]));
    if (args[1])
        puts("second");
    wait_and_show(args[1] ? "job" : "a job in the background!");
    return 0;
}

static int test(void)
{
    set_handler(SIGWINCH, handler, 0);
    set_handler(SIGTTOU, SIG_IGN, 0);
    int ready[2];
    CHECK(pipe(ready) == 0);
    posix_spawnattr_t attributes;
    CHECK(posix_spawnattr_init(&attributes) == 0 && posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP) == 0);
    pid_t background = SPAWN_WITH(0, &attributes, "job", text_of(ready[1]));
    await(ready[0]);
    puts("first");
    wait_and_show("from outside");
    struct winsize size = { 32, 102, 0, 0 };
    SHOW(ioctl(1, TIOCSWINSZ, &size));
    wait_and_show("by itself");
    SHOW(ioctl(1, TIOCSWINSZ, &size));
    pause_ms(5);
    printf("the same again: %d\n", got);

    posix_spawn_file_actions_t actions;
    CHECK(posix_spawn_file_actions_init(&actions) == 0 && posix_spawn_file_actions_addtcsetpgrp_np(&actions, 0) == 0);
    pid_t pid = SPAWN_WITH(&actions, &attributes, "job", text_of(ready[1]), "foreground");
    CHECK(pid > 0);
    await(ready[0]);
    show_end("job", pid);
    CHECK(tcsetpgrp(0, getpgrp()) == 0);
    printf("the shell: %d, the background: %d\n", got, waitpid(background, 0, WNOHANG));
    CHECK(kill(background, SIGKILL) == 0);
    show_end("background", background);
    return 0;
}

PROGRAM(test, { "job", job })
