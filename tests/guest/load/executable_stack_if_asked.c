// A program that asks for an executable stack can run code there; any other can't.
// build: -z execstack
#include <stdint.h>
#include "check.h"

int main(void)
{
    volatile unsigned char code[] = { 0xb8, 42, 0, 0, 0, 0xc3 };
    printf("%d\n", ((int (*)(void))(uintptr_t)code)());
    return 0;
}
