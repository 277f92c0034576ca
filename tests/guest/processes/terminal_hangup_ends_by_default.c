// Without a handler the hangup ends the session's leader.
// terminal: 24 80
// on: ready => hang up
// status: 129
#include "process.h"

static int test(void)
{
    puts("ready");
    for (;;)
        pause();
}

PROGRAM(test)
