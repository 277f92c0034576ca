// Reading and writing in all forms: positions, vectors, holes, ends, errors.
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include "check.h"

int main(void)
{
    char buffer[64] = "";
    int file = open("file", O_RDWR | O_CREAT, 0600);
    CHECK(file >= 0);
    SHOW_VALUE(write(file, "0123456789", 10));
    SHOW_VALUE(lseek(file, 2, SEEK_SET));
    SHOW_VALUE(read(file, buffer, 3));
    printf("%s\n", buffer);
    SHOW_VALUE(lseek(file, -1, SEEK_CUR));
    SHOW_VALUE(pread(file, buffer, 4, 6));
    printf("%s\n", buffer);
    SHOW_VALUE(pwrite(file, "ab", 2, 0));
    SHOW_VALUE(lseek(file, 0, SEEK_CUR));
    SHOW_VALUE(lseek(file, -11, SEEK_END));
    SHOW_VALUE(lseek(file, 0, 99));
    SHOW_VALUE(lseek(file, LONG_MAX, SEEK_SET));
    SHOW_VALUE(lseek(file, 20, SEEK_SET));
    SHOW_VALUE(read(file, buffer, 5));
    SHOW_VALUE(write(file, "end", 3));
    SHOW_VALUE(pread(file, buffer, 64, 0));
    for (int i = 0; i < 23; i++)
        putchar(buffer[i] ? buffer[i] : '.');
    puts("");

    char first[4] = "", second[8] = "";
    struct iovec vector[] = { { first, 3 }, { 0, 0 }, { second, 7 } };
    SHOW_VALUE(lseek(file, 0, SEEK_SET));
    SHOW_VALUE(readv(file, vector, 3));
    printf("%s %s\n", first, second);
    SHOW_VALUE(preadv(file, vector, 3, 3));
    printf("%s %s\n", first, second);
    SHOW_VALUE(pwritev(file, vector, 3, 30));
    SHOW_VALUE(writev(file, vector, 3));
    SHOW_VALUE(preadv2(file, vector, 3, -1, 0));
    SHOW_VALUE(preadv2(file, vector, 3, 0, 0x1000));
    SHOW_VALUE(pwritev2(file, vector, 3, 0, RWF_APPEND));
    SHOW_VALUE(lseek(file, 0, SEEK_END));
    SHOW_VALUE(readv(file, vector, 0));
    SHOW_VALUE(readv(file, vector, -1));
    SHOW_VALUE(readv(file, vector, 1025));
    vector[1].iov_len = -1;
    SHOW_VALUE(readv(file, vector, 3));
    vector[1].iov_len = SSIZE_MAX;
    SHOW_VALUE(writev(file, vector, 3));
    SHOW_VALUE(pread(file, buffer, 1, -1));
    SHOW_VALUE(pwrite(file, buffer, 1, -1));
    SHOW_VALUE(read(file, buffer, 0));
    SHOW_VALUE(write(file, 0, 0));
    SHOW_VALUE(write(file, (void *)8, 10));
    SHOW_VALUE(read(99, buffer, 1));

    /* A transfer that runs into unmapped memory ends there if it got that far. */
    SHOW_VALUE(ftruncate(file, 100000));
    SHOW_VALUE(lseek(file, 50000, SEEK_SET));
    SHOW_VALUE(read(file, buffer, 1));

    /* Holes. */
    int sparse = open("sparse", O_RDWR | O_CREAT, 0600);
    SHOW_VALUE(pwrite(sparse, "x", 1, 1L << 30));
    struct stat status;
    CHECK(fstat(sparse, &status) == 0);
    printf("size %ld, few blocks: %d\n", (long)status.st_size, status.st_blocks < 1000);
    SHOW_VALUE(lseek(sparse, 0, SEEK_DATA));
    SHOW_VALUE(lseek(sparse, 0, SEEK_HOLE));
    SHOW_VALUE(lseek(sparse, (1L << 30) + 1, SEEK_DATA));
    SHOW_VALUE(lseek(sparse, 1L << 30, SEEK_HOLE));
    SHOW_VALUE(pread(sparse, buffer, 5, (1L << 30) - 3));

    /* A pipe can't seek. */
    int ends[2];
    CHECK(pipe(ends) == 0);
    SHOW_VALUE(lseek(ends[0], 0, SEEK_SET));
    SHOW_VALUE(pread(ends[0], buffer, 1, 0));
    SHOW_VALUE(write(ends[1], "through the pipe", 16));
    SHOW_VALUE(read(ends[0], buffer, 64));
    SHOW_VALUE(read(ends[1], buffer, 1));
    SHOW_VALUE(write(ends[0], buffer, 1));
    SHOW(close(ends[1]));
    SHOW_VALUE(read(ends[0], buffer, 64));
    return 0;
}
