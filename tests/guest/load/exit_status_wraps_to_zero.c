// 256 is 0.
#include "check.h"

int main(void)
{
    puts("256");
    exit(256);
}
