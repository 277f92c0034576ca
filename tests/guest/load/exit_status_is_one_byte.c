// Of an exit status, the low byte counts.
// status: 255
#include "check.h"

int main(void)
{
    puts("minus one");
    return -1;
}
