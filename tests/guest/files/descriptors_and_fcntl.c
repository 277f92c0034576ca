// dup, dup2, dup3, close_range, fcntl: numbers, flags, shared positions, locks.
#include <fcntl.h>
#include <sys/syscall.h>
#include "check.h"

int main(void)
{
    int file = open("file", O_RDWR | O_CREAT, 0600);
    CHECK(file == 3 && write(file, "abcdef", 6) == 6);
    SHOW_VALUE(dup(file));
    SHOW_VALUE(lseek(4, 2, SEEK_SET));
    SHOW_VALUE(lseek(file, 0, SEEK_CUR));
    SHOW_VALUE(dup2(file, 10));
    SHOW_VALUE(dup2(file, file));
    SHOW_VALUE(dup2(99, 5));
    SHOW_VALUE(dup2(99, 99));
    SHOW_VALUE(dup2(file, -1));
    SHOW_VALUE(dup3(file, 11, O_CLOEXEC));
    SHOW_VALUE(dup3(file, file, 0));
    SHOW_VALUE(dup3(file, 12, 0x1));
    SHOW_VALUE(fcntl(11, F_GETFD));
    SHOW_VALUE(fcntl(10, F_GETFD));
    SHOW(fcntl(10, F_SETFD, FD_CLOEXEC));
    SHOW_VALUE(fcntl(10, F_GETFD));
    SHOW_VALUE(fcntl(file, F_GETFD));
    SHOW_VALUE(fcntl(file, F_DUPFD, 10));
    SHOW_VALUE(fcntl(file, F_DUPFD_CLOEXEC, 5));
    SHOW_VALUE(fcntl(file, F_DUPFD, -1));
    SHOW_VALUE(fcntl(99, F_GETFD));
    SHOW_VALUE(fcntl(file, 9999));
    SHOW(fcntl(4, F_SETFL, O_NONBLOCK | O_APPEND));
    SHOW_VALUE((fcntl(file, F_GETFL) & O_NONBLOCK) != 0);
    SHOW(close(4));
    SHOW_VALUE(dup(file));
    SHOW(syscall(SYS_close_range, 5, 20, 0));
    SHOW_VALUE(dup(file));
    SHOW(syscall(SYS_close_range, 20, 5, 0));
    SHOW(syscall(SYS_close_range, 4, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */));
    SHOW_VALUE(fcntl(5, F_GETFD));
    SHOW(syscall(SYS_close_range, 4, 5, 0x100));

    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 3 };
    SHOW(fcntl(file, F_SETLK, &lock));
    lock.l_type = F_RDLCK;
    SHOW(fcntl(file, F_GETLK, &lock));
    printf("own locks don't conflict: %d\n", lock.l_type == F_UNLCK);
    lock.l_type = 99;
    SHOW(fcntl(file, F_SETLK, &lock));
    lock = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
    SHOW(fcntl(file, F_OFD_SETLK, &lock));
    SHOW(fcntl(file, F_SETLK, 0));

    /* Standard streams can be closed and replaced. */
    fflush(stdout);
    int saved = dup(1);
    CHECK(dup2(file, 1) == 1);
    printf("into the file\n");
    fflush(stdout);
    CHECK(dup2(saved, 1) == 1);
    char buffer[64] = "";
    SHOW_VALUE(pread(file, buffer, sizeof buffer, 6));
    printf("%s", buffer);
    return 0;
}
