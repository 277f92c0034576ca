// Running code on the stack ends with SIGSEGV.
// status: 139
#include <stdint.h>
#include "check.h"

int main(void)
{
    volatile unsigned char code[] = { 0xb8, 42, 0, 0, 0, 0xc3 };
    return ((int (*)(void))(uintptr_t)code)();
}
