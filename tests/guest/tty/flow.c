/* START and STOP, tcflow, and packet mode. */
#include "pty.h"

static void show_packets(void)
{
    char bytes[100];
    struct pollfd pfd = {.fd = master, .events = POLLIN | POLLPRI};
    while (poll(&pfd, 1, 50) == 1) {
        printf("%x ", pfd.revents);
        show_bytes("packet", bytes, read(master, bytes, sizeof bytes));
    }
    puts("no more");
}

int main(void)
{
    open_pty();
    fcntl(slave, F_SETFL, O_NONBLOCK);
    type("\x13");
    SHOW_VALUE(write(slave, "held", 4));
    struct pollfd pfd = {.fd = slave, .events = POLLOUT};
    printf("poll %d\n", poll(&pfd, 1, 0));
    type("abc");
    type("\x11");
    SHOW_VALUE(write(slave, "sent\n", 5));
    show_all("output", master);
    type("\n");
    show_read(100);

    SHOW(tcflow(slave, TCOOFF));
    SHOW_VALUE(write(slave, "held", 4));
    SHOW(tcflow(slave, TCOON));
    SHOW_VALUE(write(slave, "sent\n", 5));
    show_all("output", master);
    SHOW(tcflow(slave, TCIOFF));
    show_all("TCIOFF", master);
    SHOW(tcflow(slave, TCION));
    show_all("TCION", master);
    SHOW(tcflow(slave, 9));
    SHOW(tcdrain(slave));
    SHOW(tcsendbreak(slave, 0));

    puts("IXANY");
    struct termios changed = settings();
    changed.c_iflag |= IXANY;
    set(changed);
    type("\x13");
    SHOW_VALUE(write(slave, "held", 4));
    type("x");
    SHOW_VALUE(write(slave, "sent\n", 5));
    show_all("output", master);
    puts("IXON is taken away while stopped");
    type("\x13");
    changed.c_iflag &= ~(tcflag_t)(IXON | IXANY);
    set(changed);
    SHOW_VALUE(write(slave, "sent\n", 5));
    show_all("output", master);
    type("\x13\x11\n");
    show_read(100);

    puts("packets");
    int on = 1, value;
    CHECK(ioctl(master, TIOCPKT, &on) == 0);
    CHECK(ioctl(master, TIOCGPKT, &value) == 0);
    printf("%d\n", value);
    show_packets();
    CHECK(write(slave, "data\n", 5) == 5);
    show_packets();
    changed.c_iflag |= IXON;
    set(changed);
    show_packets();
    CHECK(write(master, "\x13", 1) == 1);
    show_packets();
    CHECK(write(master, "\x11", 1) == 1);
    show_packets();
    CHECK(tcflush(slave, TCIFLUSH) == 0);
    show_packets();
    CHECK(tcflush(slave, TCOFLUSH) == 0);
    show_packets();
    changed.c_iflag &= ~(tcflag_t)IXON;
    set(changed);
    show_packets();
    CHECK(write(slave, "data\n", 5) == 5);
    char bytes[100];
    usleep(10000);
    show_bytes("short", bytes, read(master, bytes, 3));
    show_packets();
    on = 0;
    CHECK(ioctl(master, TIOCPKT, &on) == 0);
    CHECK(write(slave, "data\n", 5) == 5);
    show_all("output", master);
    return 0;
}
