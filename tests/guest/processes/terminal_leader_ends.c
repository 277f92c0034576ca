// When a session's leader ends or gives the terminal up, its foreground group gets SIGHUP, and the terminal is nobody's.
// terminal: 24 80
#include <sys/ioctl.h>
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
    SHOW(ioctl(0, TIOCNOTTY));
    printf("hung up %d, continued %d\n", hung_up, continued);
    SHOW(open("/dev/tty", O_RDWR));
    pid_t session;
    SHOW(ioctl(0, TIOCGSID, &session));
    SHOW(tcgetpgrp(0));
    SHOW(ioctl(0, TIOCNOTTY));
    /* And taken again. */
    SHOW(ioctl(0, TIOCSCTTY, 0));
    printf("again: %d\n", tcgetpgrp(0) == getpgrp());
    SHOW(open("/dev/tty", O_RDWR));
    return 0;
}

PROGRAM(test)
