// build: -pthread
// option: --net-loopback inside
/* The same with the host's network, of which the LibOS carries the loopback: names, errors and ports are the host's. */
#include "loopback_inside.c"
