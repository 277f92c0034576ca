// A program linked with `-pie -fPIE`: data, constructors, thread storage, exit handlers.
// build: -pie -fPIE
#include "lib/linked.h"
