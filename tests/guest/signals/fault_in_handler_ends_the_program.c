// A fault within the handler of that fault ends the program with SIGSEGV.
// status: 139
#include <signal.h>
#include "check.h"

static void on_fault(int signal)
{
    (void)signal;
    write(1, "in the handler\n", 15);
    *(volatile char *)16 = 1;
}

int main(void)
{
    CHECK(signal(SIGSEGV, on_fault) != SIG_ERR);
    *(volatile char *)8 = 1;
    return 0;
}
