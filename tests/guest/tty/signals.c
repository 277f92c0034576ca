/* Signals of special characters, SIGWINCH, SIGTTIN and SIGTTOU, hang-ups: who gets them. */
#include "pty.h"

static volatile sig_atomic_t caught[65];

static void on_signal(int signal)
{
    caught[signal]++;
}

static void show_caught(const char *what)
{
    printf("%s:", what);
    for (int i = 1; i < 32; i++)
        if (caught[i]) {
            printf(" %s", sigabbrev_np(i));
            caught[i] = 0;
        }
    puts("");
    fflush(stdout);
}

/* Waits until a signal has come, for a while. */
static void wait_caught(int signal)
{
    for (int i = 0; i < 400 && !caught[signal]; i++)
        usleep(5000);
}

static void leader(void)
{
    CHECK(setsid() == getpid());
    int early;
    SHOW(tcgetsid(slave));
    SHOW(ioctl(slave, TIOCGPGRP, &early));
    SHOW(open("/dev/tty", O_RDWR));
    SHOW(ioctl(slave, TIOCSCTTY, 0));
    SHOW(ioctl(slave, TIOCSCTTY, 0));
    printf("session %d, foreground %d\n", tcgetsid(slave) == getpid(), tcgetpgrp(slave) == getpid());
    printf("by the master %d %d\n", tcgetsid(master) == getpid(), tcgetpgrp(master) == getpid());
    int tty = open("/dev/tty", O_RDWR);
    CHECK(tty >= 0);
    printf("/dev/tty: isatty %d, ttyname %s\n", isatty(tty), ttyname(tty));
    struct sigaction action = {.sa_handler = on_signal};
    for (int i = 1; i < 32; i++)
        if (i != SIGKILL && i != SIGSTOP && i != SIGCHLD && i != SIGSEGV)
            sigaction(i, &action, NULL);

    type("kept\n");
    type("\x03");
    wait_caught(SIGINT);
    show_caught("^C");
    show_read(100);
    type("\x1c");
    wait_caught(SIGQUIT);
    show_caught("^\\");
    type("\x1a");
    wait_caught(SIGTSTP);
    show_caught("^Z");
    struct termios changed = settings();
    changed.c_lflag |= NOFLSH;
    set(changed);
    type("kept\n\x03");
    wait_caught(SIGINT);
    show_caught("^C");
    show_read(100);
    changed.c_lflag &= ~(tcflag_t)ISIG;
    set(changed);
    type("\x03\n");
    show_caught("no ISIG");
    show_read(100);
    changed.c_lflag |= ISIG;
    set(changed);
    CHECK(ioctl(master, TIOCSIG, SIGINT) == 0);
    wait_caught(SIGINT);
    show_caught("TIOCSIG");
    SHOW(ioctl(master, TIOCSIG, SIGUSR1));

    struct winsize size = {24, 80, 1, 2};
    CHECK(ioctl(slave, TIOCSWINSZ, &size) == 0);
    wait_caught(SIGWINCH);
    show_caught("new size");
    CHECK(ioctl(master, TIOCSWINSZ, &size) == 0);
    show_caught("same size");
    size.ws_row = 25;
    CHECK(ioctl(master, TIOCSWINSZ, &size) == 0);
    wait_caught(SIGWINCH);
    show_caught("by the master");
    struct winsize got;
    CHECK(ioctl(tty, TIOCGWINSZ, &got) == 0);
    printf("%d %d %d %d\n", got.ws_row, got.ws_col, got.ws_xpixel, got.ws_ypixel);

    /* A read is interrupted. */
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        usleep(50000);
        CHECK(write(master, "\x03", 1) == 1);
        _exit(0);
    }
    char bytes[100];
    show_bytes("interrupted", bytes, read(slave, bytes, sizeof bytes));
    caught[SIGINT] = 0;
    CHECK(waitpid(child, NULL, 0) == child);
    show_all("echo", master);

    puts("a background group");
    fflush(stdout);
    int status;
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        setpgid(0, 0);
        for (int i = 1; i < 32; i++)
            signal(i, SIG_DFL);
        char byte;
        ssize_t count = read(slave, &byte, 1);
        show_bytes("read in the foreground", &byte, count);
        fflush(stdout);
        struct termios t = settings();
        t.c_lflag |= TOSTOP;
        CHECK(tcsetattr(slave, TCSANOW, &t) == 0);
        CHECK(write(slave, "w", 1) == 1);
        CHECK(tcsetpgrp(slave, getpgrp()) == 0);
        raise(SIGSTOP);
        signal(SIGTTIN, SIG_IGN);
        signal(SIGTTOU, SIG_IGN);
        show_bytes("SIGTTIN ignored", &byte, read(slave, &byte, 1));
        SHOW(write(slave, "i", 1));
        SHOW(tcsetpgrp(slave, getpgrp()));
        fflush(stdout);
        _exit(7);
    }
    setpgid(child, child);
    for (int round = 0;; round++) {
        CHECK(waitpid(child, &status, WUNTRACED) == child);
        if (!WIFSTOPPED(status))
            break;
        printf("stopped by %s\n", sigabbrev_np(WSTOPSIG(status)));
        fflush(stdout);
        if (round == 0) {
            CHECK(tcsetpgrp(slave, child) == 0);
            type("a\n");
        } else if (round == 2 || round == 4) {
            signal(SIGTTOU, SIG_IGN);
            CHECK(tcsetpgrp(slave, getpgrp()) == 0);
            signal(SIGTTOU, on_signal);
        } else if (round == 1 || round == 3) {
            signal(SIGTTOU, SIG_IGN);
            CHECK(tcsetpgrp(slave, child) == 0);
            signal(SIGTTOU, on_signal);
        }
        kill(child, SIGCONT);
        if (round > 10)
            break;
    }
    printf("ended with %d\n", WEXITSTATUS(status));
    signal(SIGTTOU, SIG_IGN);
    CHECK(tcsetpgrp(slave, getpgrp()) == 0);
    SHOW(tcsetpgrp(slave, 1));
    SHOW(tcsetpgrp(slave, -5));
    SHOW(tcsetpgrp(slave, 4000000));
    show_all("output", master);
    fflush(stdout);

    for (int i = 1; i < 32; i++)
        caught[i] = 0;
    puts("hang-up");
    close(tty);
    close(master);
    wait_caught(SIGCONT);
    show_caught("hang-up");
    SHOW(open("/dev/tty", O_RDWR));
    show_bytes("read", bytes, read(slave, bytes, 1));
    fflush(stdout);
    _exit(3);
}

/* A session's leader ends: who is in the foreground is hung up. */
static void leader_ends(void)
{
    open_pty();
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(setsid() > 0);
        /* Opened without O_NOCTTY. */
        int tty = open(ptsname(master), O_RDWR);
        CHECK(tty >= 0);
        printf("opened: session %d\n", tcgetsid(tty) == getpid());
        fflush(stdout);
        int pipes[2];
        CHECK(pipe(pipes) == 0);
        if (fork() == 0) {
            struct sigaction action = {.sa_handler = on_signal};
            sigaction(SIGHUP, &action, NULL);
            CHECK(write(pipes[1], "r", 1) == 1);
            wait_caught(SIGHUP);
            show_caught("member");
            SHOW(open("/dev/tty", O_RDWR));
            CHECK(write(tty, "still there\n", 12) == 12);
            fflush(stdout);
            _exit(0);
        }
        char byte;
        CHECK(read(pipes[0], &byte, 1) == 1);
        _exit(0);
    }
    CHECK(waitpid(child, NULL, 0) == child);
    show_all("output", master);
}

int main(void)
{
    open_pty();
    fflush(stdout);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        leader();
    close(master);
    close(slave);
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    printf("leader: %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
    fflush(stdout);
    leader_ends();
    return 0;
}
