// A static program of another C library.
// compiler: musl-gcc
// build: -static
#define strerrorname_np(error) strerror(error)
#include "lib/linked.h"
