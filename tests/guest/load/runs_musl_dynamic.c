// A dynamic program of another C library, whose interpreter is not the usual one.
// compiler: musl-gcc
#define strerrorname_np(error) strerror(error)
#include "lib/linked.h"
