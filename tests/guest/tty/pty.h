/* What the tests of pseudoterminals share. */
#pragma once
#define _GNU_SOURCE
#include "../check.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>

static int master, slave;

static inline void open_pty(void)
{
    master = posix_openpt(O_RDWR | O_NOCTTY);
    CHECK(master >= 0);
    CHECK(grantpt(master) == 0 && unlockpt(master) == 0);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    CHECK(slave >= 0);
}

static inline void show_bytes(const char *what, const char *bytes, ssize_t len)
{
    if (len < 0) {
        printf("%s: %s\n", what, error_name(errno));
        return;
    }
    printf("%s: %zd \"", what, len);
    for (ssize_t i = 0; i < len; i++) {
        unsigned char c = bytes[i];
        if (c >= 32 && c < 127)
            putchar(c);
        else
            printf("\\x%02x", c);
    }
    puts("\"");
}

/* Shows all that the end has to read until nothing more comes. */
static inline void show_all(const char *what, int fd)
{
    char bytes[65536];
    ssize_t len = 0;
    struct pollfd pfd = {.fd = fd, .events = POLLIN};
    while (len < (ssize_t)sizeof bytes && poll(&pfd, 1, len ? 30 : 100) == 1 && pfd.revents & POLLIN) {
        ssize_t count = read(fd, bytes + len, sizeof bytes - len);
        if (count <= 0)
            break;
        len += count;
    }
    show_bytes(what, bytes, len);
}

static inline void type(const char *bytes)
{
    CHECK(write(master, bytes, strlen(bytes)) == (ssize_t)strlen(bytes));
    show_all("echo", master);
}

static inline void show_read(size_t len)
{
    char bytes[256];
    int flags = fcntl(slave, F_GETFL);
    fcntl(slave, F_SETFL, flags | O_NONBLOCK);
    ssize_t count = read(slave, bytes, len);
    show_bytes("read", bytes, count);
    fcntl(slave, F_SETFL, flags);
}

static inline struct termios settings(void)
{
    struct termios termios;
    CHECK(tcgetattr(slave, &termios) == 0);
    return termios;
}

static inline void set(struct termios termios)
{
    CHECK(tcsetattr(slave, TCSANOW, &termios) == 0);
}
