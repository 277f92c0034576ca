// A real-time signal ends the program with status 178, after what it wrote.
// status: 178
#include <signal.h>
#include "check.h"

int main(void)
{
    puts("before");
    fflush(stdout);
    raise(50);
    puts("after");
    return 0;
}
