// build: -pthread
// option: --net-loopback inside
/* The same by connections that don't leave the LibOS. */
#include "resets.c"
