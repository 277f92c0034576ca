/* Input without lines: VMIN and VTIME, changes between the modes, and what poll says. */
#include "pty.h"

static void set_raw(int min, int time)
{
    struct termios raw = settings();
    cfmakeraw(&raw);
    raw.c_cc[VMIN] = min;
    raw.c_cc[VTIME] = time;
    set(raw);
}

static void show_poll(const char *what, int fd)
{
    struct pollfd pfd = {.fd = fd, .events = POLLIN | POLLOUT | POLLPRI | POLLRDNORM | POLLWRNORM};
    poll(&pfd, 1, 0);
    printf("%s: %x\n", what, pfd.revents);
}

int main(void)
{
    open_pty();
    char bytes[100];
    show_poll("slave", slave);
    show_poll("master", master);

    set_raw(1, 0);
    type("a\r\x03\x7f");
    show_poll("slave", slave);
    show_bytes("read", bytes, read(slave, bytes, 2));
    show_bytes("read", bytes, read(slave, bytes, 100));
    show_read(100);

    set_raw(3, 0);
    type("ab");
    show_poll("min 3, has 2", slave);
    show_read(100);
    type("abcd");
    show_poll("min 3, has 4", slave);
    show_bytes("read", bytes, read(slave, bytes, 100));

    set_raw(0, 0);
    show_poll("min 0, has 0", slave);
    show_bytes("read", bytes, read(slave, bytes, 100));
    type("xy");
    show_bytes("read", bytes, read(slave, bytes, 100));

    set_raw(0, 1);
    show_bytes("time 1, nothing", bytes, read(slave, bytes, 100));
    type("xy");
    show_bytes("time 1", bytes, read(slave, bytes, 100));

    set_raw(5, 1);
    type("ab");
    show_poll("min 5, time 1, has 2", slave);
    show_bytes("min 5, time 1", bytes, read(slave, bytes, 100));
    type("abcdef");
    show_bytes("min 5, time 1", bytes, read(slave, bytes, 4));
    show_bytes("min 5, time 1", bytes, read(slave, bytes, 100));

    /* A reader that waits for more gets it. */
    set_raw(4, 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        for (int i = 0; i < 4; i++) {
            usleep(10000);
            CHECK(write(master, "q", 1) == 1);
        }
        _exit(0);
    }
    show_bytes("min 4", bytes, read(slave, bytes, 100));
    CHECK(waitpid(child, NULL, 0) == child);

    puts("changes of the mode");
    set_raw(1, 0);
    type("no line");
    struct termios lines = settings();
    lines.c_lflag |= ICANON;
    set(lines);
    show_read(100);
    type("half");
    show_read(100);
    lines.c_lflag &= ~(tcflag_t)ICANON;
    set(lines);
    show_read(100);
    lines.c_lflag |= ICANON;
    set(lines);
    type("a\nb\x04" "c");
    lines.c_lflag &= ~(tcflag_t)ICANON;
    set(lines);
    show_read(100);
    puts("TCSAFLUSH");
    type("gone");
    CHECK(tcsetattr(slave, TCSAFLUSH, &lines) == 0);
    show_read(100);
    type("gone");
    CHECK(tcflush(slave, TCIFLUSH) == 0);
    show_read(100);
    SHOW(tcflush(slave, 7));
    return 0;
}
