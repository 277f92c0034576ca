// /dev/null, zero, full, random, urandom and the standard streams' names.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/ioctl.h>
#include <termios.h>
#include "check.h"

int main(void)
{
    static char buffer[70000], other[64];
    int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR), full = open("/dev/full", O_RDWR);
    SHOW_VALUE(read(null, buffer, 10));
    SHOW_VALUE(write(null, buffer, 70000));
    SHOW_VALUE(lseek(null, 100, SEEK_SET));
    memset(buffer, 1, sizeof buffer);
    SHOW_VALUE(read(zero, buffer, sizeof buffer));
    for (size_t i = 0; i < sizeof buffer; i++)
        CHECK(buffer[i] == 0);
    SHOW_VALUE(write(zero, buffer, 10));
    SHOW_VALUE(read(full, buffer, 10));
    SHOW_VALUE(write(full, buffer, 10));
    char *mapped = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0);
    CHECK(mapped != MAP_FAILED && mapped[5000] == 0);
    mapped[0] = 1;
    static const char *const randoms[] = { "/dev/random", "/dev/urandom" };
    for (int i = 0; i < 2; i++) {
        int random = open(randoms[i], O_RDONLY);
        SHOW_VALUE(read(random, buffer, 64));
        SHOW_VALUE(read(random, other, 64));
        printf("different: %d\n", memcmp(buffer, other, 64) != 0);
        SHOW_VALUE(read(random, buffer, 70000));
        close(random);
    }
    int out = open("/dev/stdout", O_WRONLY);
    fflush(stdout);
    SHOW_VALUE(write(out, "by name\n", 8));
    int fd = open("/dev/fd/1", O_WRONLY);
    fflush(stdout);
    SHOW_VALUE(write(fd, "by number\n", 10));
    int in = open("/dev/stdin", O_RDONLY);
    SHOW_VALUE(read(in, buffer, 10));
    struct termios modes;
    SHOW(tcgetattr(1, &modes));
    SHOW(tcgetattr(null, &modes));
    SHOW(isatty(0) ? 0 : -1);
    struct winsize size;
    SHOW(ioctl(1, TIOCGWINSZ, &size));
    SHOW(ioctl(99, TIOCGWINSZ, &size));
    SHOW(open("/dev/no-such-device", O_RDONLY));
    return 0;
}
