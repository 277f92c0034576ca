// getrandom: lengths, flags, errors, and bytes that differ.
#include <sys/random.h>
#include <sys/syscall.h>
#include "check.h"

int main(void)
{
    static unsigned char a[100000], b[100000];
    SHOW_VALUE(getrandom(a, 16, 0));
    SHOW_VALUE(getrandom(b, 16, GRND_NONBLOCK));
    printf("different: %d\n", memcmp(a, b, 16) != 0);
    SHOW_VALUE(getrandom(a, sizeof a, GRND_RANDOM));
    long ones = 0;
    for (size_t i = 0; i < sizeof a; i++)
        ones += __builtin_popcount(a[i]);
    printf("about half are ones: %d\n", ones > 395000 && ones < 405000);
    SHOW_VALUE(getrandom(a, 0, 0));
    SHOW_VALUE(getrandom(a, 16, GRND_INSECURE));
    SHOW_VALUE(getrandom(a, 16, GRND_INSECURE | GRND_RANDOM));
    SHOW_VALUE(getrandom(a, 16, 0x80));
    SHOW_VALUE(syscall(SYS_getrandom, 8, 16, 0));
    SHOW(getentropy(a, 256));
    SHOW(getentropy(a, 257));
    return 0;
}
