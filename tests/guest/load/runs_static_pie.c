// A program linked with `-static-pie`: data, constructors, thread storage, exit handlers.
// build: -static-pie
#include "lib/linked.h"
