// A terminal that hangs up sends SIGHUP and SIGCONT to its session's leader; read is at its end then, write fails.
// terminal: 24 80
// on: ready => hang up
// status: 42
#include <termios.h>
#include "process.h"

static volatile int hung_up, continued;

static void handler(int signal)
{
    if (signal == SIGHUP)
        hung_up = 1;
    else
        continued = 1;
}

static int test(void)
{
    set_handler(SIGHUP, handler, 0);
    set_handler(SIGCONT, handler, 0);
    puts("ready");
    char line[10];
    ssize_t got = read(0, line, sizeof line);
    if (got == -1 && errno == EINTR)
        got = read(0, line, sizeof line);
    /* Nobody sees output any more. */
    while (!hung_up || !continued)
        pause_ms(1);
    if (got != 0 && !(got == -1 && errno == EIO))
        return 1;
    if (read(0, line, sizeof line) != 0 && errno != EIO)
        return 2;
    if (write(1, "x", 1) != -1 || errno != EIO)
        return 3;
    struct termios modes;
    if (tcgetattr(0, &modes) != -1 || errno != EIO)
        return 4;
    if (open("/dev/tty", O_RDWR) != -1 || errno != ENXIO)
        return 5;
    return 42;
}

PROGRAM(test)
