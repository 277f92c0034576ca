// The controlling terminal's foreground group: who may set it, whom reading and writing from the background stops.
// terminal: 24 80
// on: type a line => type line^M
// on: and another => type second^M
#include <sys/ioctl.h>
#include <termios.h>
#include "process.h"

static volatile int got;

static void handler(int signal)
{
    got = signal;
}

/* In a group of its own: does one thing at the terminal. */
static int job(char **args)
{
    CHECK(setpgid(0, 0) == 0);
    char line[100];
    if (args[1] && strcmp(args[1], "ignore") == 0)
        set_handler(SIGTTIN, SIG_IGN, 0), set_handler(SIGTTOU, SIG_IGN, 0);
    if (args[1] && strcmp(args[1], "block") == 0)
        change_mask(SIG_BLOCK, SIGTTIN), change_mask(SIG_BLOCK, SIGTTOU);
    if (args[1] && strcmp(args[1], "handle") == 0)
        set_handler(SIGTTIN, handler, 0), set_handler(SIGTTOU, handler, 0);
    int result = 0;
    errno = 0;
    switch (args[0][0]) {
    case 'r':
        result = read(0, line, sizeof line);
        break;
    case 'w':
        result = write(1, "", 0) == 0 && write(1, "from the background\n", 20) == 20 ? 0 : -1;
        break;
    case 'f':
        result = tcsetpgrp(0, getpgrp());
        break;
    case 'm': {
        struct termios modes;
        result = tcgetattr(0, &modes) == 0 ? tcsetattr(0, TCSANOW, &modes) : -2;
        break;
    }
    }
    return (result == -1 ? errno : result == -2 ? 100 : result >= 0 ? 50 + result : 101) + (got ? 100 : 0);
}

static void show(const char *what, pid_t pid)
{
    int status;
    CHECK(waitpid(pid, &status, WUNTRACED) == pid);
    printf("%s: %s\n", what, status_text(status));
    if (WIFSTOPPED(status)) {
        CHECK(kill(pid, SIGKILL) == 0);
        end_of(pid);
    }
}

static int idle(char **args)
{
    CHECK(setpgid(0, 0) == 0);
    tell(atoi(args[0]));
    pause_ms(100000);
    return 0;
}

static int foreign(char **args)
{
    (void)args;
    CHECK(setsid() == getpid());
    int tty = open("/dev/tty", O_RDWR);
    printf("/dev/tty without one: %s\n", tty >= 0 ? "OK" : error_name(errno));
    SHOW(tcgetpgrp(0));
    SHOW(tcsetpgrp(0, getpgrp()));
    pid_t session;
    SHOW(ioctl(0, TIOCGSID, &session));
    SHOW(ioctl(0, TIOCSCTTY, 0));
    SHOW(ioctl(0, TIOCNOTTY));
    return 0;
}

static int test(void)
{
    pid_t session = -1;
    printf("leader: session %d, group %d, foreground %d\n", getsid(0) == getpid(), getpgrp() == getpid(), tcgetpgrp(0) == getpgrp());
    SHOW(ioctl(0, TIOCGSID, &session));
    printf("its session: %d, by tcgetsid %d\n", session == getsid(0), tcgetsid(1) == getsid(0));
    int tty = open("/dev/tty", O_RDWR);
    CHECK(tty >= 0);
    printf("/dev/tty: %d\n", tcgetpgrp(tty) == getpgrp());
    int null = open("/dev/null", O_RDWR), ready[2], stat_tty;
    SHOW(tcgetpgrp(null));
    SHOW(tcsetpgrp(null, getpgrp()));
    SHOW(tcsetpgrp(0, -1));
    SHOW(tcsetpgrp(0, 0x3fffffff));
    SHOW(ioctl(0, TIOCSCTTY, 0));
    SHOW(ioctl(0, TIOCGPGRP, 8));
    SHOW(ioctl(0, TIOCSPGRP, 8));
    SHOW(ioctl(0, TIOCGSID, 8));
    CHECK(pipe(ready) == 0);

    show("read in the background", SPAWN("job", "read"));
    show("read, ignoring", SPAWN("job", "read", "ignore"));
    show("read, blocking", SPAWN("job", "read", "block"));
    show("read, handling", SPAWN("job", "read", "handle"));
    show("write in the background", SPAWN("job", "write"));
    show("set the foreground", SPAWN("job", "foreground"));
    set_handler(SIGTTOU, SIG_IGN, 0);
    SHOW(tcsetpgrp(0, getpgrp()));
    set_handler(SIGTTOU, SIG_DFL, 0);
    show("set the foreground, blocking", SPAWN("job", "foreground", "block"));
    /* It did, and is gone; this process is in the background then. */
    set_handler(SIGTTOU, SIG_IGN, 0);
    printf("foreground: %d\n", tcgetpgrp(0) == getpgrp());
    SHOW(tcsetpgrp(0, getpgrp()));
    set_handler(SIGTTOU, SIG_DFL, 0);
    show("set modes", SPAWN("job", "modes"));
    show("set modes, ignoring", SPAWN("job", "modes", "ignore"));

    struct termios modes;
    CHECK(tcgetattr(0, &modes) == 0);
    modes.c_lflag |= TOSTOP;
    CHECK(tcsetattr(0, TCSANOW, &modes) == 0);
    set_handler(SIGTTOU, SIG_DFL, 0);
    show("write with TOSTOP", SPAWN("job", "write"));
    show("write with TOSTOP, ignoring", SPAWN("job", "write", "ignore"));
    show("write with TOSTOP, blocking", SPAWN("job", "write", "block"));
    modes.c_lflag &= ~TOSTOP;
    CHECK(tcsetattr(0, TCSANOW, &modes) == 0);

    /* A job that is stopped as it reads, and goes on in the foreground. */
    pid_t pid = SPAWN("job", "read");
    int status;
    CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTIN);
    SHOW(tcsetpgrp(0, pid));
    puts("type a line");
    CHECK(kill(-pid, SIGCONT) == 0);
    show("in the foreground", pid);
    set_handler(SIGTTOU, SIG_IGN, 0);
    SHOW(tcsetpgrp(0, getpgrp()));
    char line[100];
    puts("and another");
    printf("read %zd\n", read(0, line, sizeof line));

    pid = SPAWN("idle", text_of(ready[1]));
    await(ready[0]);
    char stat_path[64], name[32];
    int terminal = 0, foreground = 0;
    snprintf(stat_path, sizeof stat_path, "/proc/%d/stat", pid);
    FILE *stat_file = fopen(stat_path, "r");
    CHECK(stat_file && fscanf(stat_file, "%*d (%31[^)]) %*c %*d %*d %*d %d %d", name, &terminal, &foreground) == 3);
    fclose(stat_file);
    stat_tty = terminal != 0;
    printf("stat: terminal %d, foreground %d\n", stat_tty, foreground == getpgrp());
    CHECK(kill(pid, SIGKILL) == 0);
    end_of(pid);

    show_end("another session", SPAWN("foreign"));
    return 0;
}

PROGRAM(test, { "job", job }, { "idle", idle }, { "foreign", foreign })
