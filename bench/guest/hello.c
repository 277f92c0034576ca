/* The smallest program that a user would start. */
#include <stdio.h>

int main(void) {
    puts("hello");
    return 0;
}
