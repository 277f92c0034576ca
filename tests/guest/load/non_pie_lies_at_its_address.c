// A program that isn't position-independent lies exactly where it was linked, with absolute addresses in its code.
// build: -no-pie -Wl,-Ttext-segment=0x10000000
#include <stdint.h>
#include "check.h"

static int table[4] = { 1, 2, 3, 4 };

int main(void)
{
    CHECK((uintptr_t)main >= 0x10000000 && (uintptr_t)main < 0x10100000);
    int value;
    __asm__("movl table_label+8, %0" : "=r"(value));
    printf("%d\n", value);
    return table[0] - 1;
}
__asm__(".data\ntable_label: .long 10, 20, 30, 40\n.text\n");
