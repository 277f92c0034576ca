// The same with musl, which looks at the interrupted instruction pointer to tell whether a call had begun.
// compiler: musl-gcc
// build: -static
#define strerrorname_np(error) strerror(error)
#include "lib/cancellation.h"
