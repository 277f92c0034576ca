// abort ends the program with status 134, after what it wrote.
// status: 134
#include <signal.h>
#include "check.h"

int main(void)
{
    puts("before");
    fflush(stdout);
    abort();
    puts("after");
    return 0;
}
