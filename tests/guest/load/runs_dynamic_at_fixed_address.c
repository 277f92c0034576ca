// A program linked with `-no-pie`: data, constructors, thread storage, exit handlers.
// build: -no-pie
#include "lib/linked.h"
