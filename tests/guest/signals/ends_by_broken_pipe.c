// Writing to a pipe that nobody reads ends the program with status 141, after what it wrote.
// status: 141
#include <signal.h>
#include "check.h"

int main(void)
{
    puts("before");
    fflush(stdout);
    int ends[2];
    CHECK(pipe(ends) == 0 && close(ends[0]) == 0);
    CHECK(write(ends[1], "x", 1) == 1);
    puts("after");
    return 0;
}
