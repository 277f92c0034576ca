// RLIMIT_NOFILE: EMFILE at the limit, descriptors beyond it stay usable, lowering and raising it.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include "check.h"

int main(void)
{
    struct rlimit limit = { 64, 64 };
    struct rlimit old;
    CHECK(getrlimit(RLIMIT_NOFILE, &old) == 0 && old.rlim_cur >= 256);
    limit.rlim_max = old.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    int last = -1, file;
    while ((file = open("/dev/null", O_RDONLY)) >= 0)
        last = file;
    printf("last %d, then %s\n", last, error_name(errno));
    SHOW(dup(0));
    SHOW(dup2(0, 64));
    SHOW(fcntl(0, F_DUPFD, 64));
    SHOW(fcntl(0, F_DUPFD, 63));
    int ends[2];
    SHOW(pipe(ends));
    SHOW(memfd_create("x", 0));
    SHOW_VALUE(dup2(0, 63));
    limit.rlim_cur = 32;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    char byte;
    SHOW_VALUE(read(60, &byte, 1));
    SHOW(close(40));
    SHOW(open("/dev/null", O_RDONLY));
    SHOW(close(20));
    SHOW_VALUE(open("/dev/null", O_RDONLY));
    limit.rlim_cur = 200;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    SHOW_VALUE(open("/dev/null", O_RDONLY));
    SHOW_VALUE(open("/dev/null", O_RDONLY));
    limit.rlim_cur = 100, limit.rlim_max = 99;
    SHOW(setrlimit(RLIMIT_NOFILE, &limit));
    return 0;
}
