// build: -pthread
// option: --net-loopback inside
/* Buffers and urgent data of connections that the LibOS carries beside the host's network. */
#include "loopback_buffers.c"
