// A program linked with `-static -no-pie`: data, constructors, thread storage, exit handlers.
// build: -static -no-pie
#include "lib/linked.h"
