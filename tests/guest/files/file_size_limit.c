// RLIMIT_FSIZE: a write is cut at the limit, the next one is EFBIG with SIGXFSZ.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include "check.h"

static volatile int signals;

static void on_signal(int number)
{
    signals += number == SIGXFSZ;
}

int main(void)
{
    struct rlimit limit = { 10000, RLIM_INFINITY };
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    CHECK(signal(SIGXFSZ, on_signal) != SIG_ERR);
    static char block[6000];
    int file = open("file", O_RDWR | O_CREAT, 0600);
    SHOW_VALUE(write(file, block, sizeof block));
    SHOW_VALUE(write(file, block, sizeof block));
    SHOW_VALUE(write(file, block, sizeof block));
    printf("signals: %d\n", signals);
    SHOW(ftruncate(file, 20000));
    printf("signals: %d\n", signals);
    SHOW_VALUE(pwrite(file, block, 10, 5000));
    int null = open("/dev/null", O_WRONLY);
    SHOW_VALUE(pwrite(null, block, 10, 20000));
    return 0;
}
