// truncate, ftruncate and fallocate: sizes, zeros, modes, errors.
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include "check.h"

static int file;

static long size(void)
{
    struct stat status;
    CHECK(fstat(file, &status) == 0);
    return status.st_size;
}

int main(void)
{
    file = open("file", O_RDWR | O_CREAT, 0600);
    CHECK(file >= 0 && write(file, "abcdefgh", 8) == 8);
    SHOW(ftruncate(file, 4));
    printf("size %ld, position %ld\n", size(), (long)lseek(file, 0, SEEK_CUR));
    SHOW(ftruncate(file, 8));
    char buffer[16] = "";
    CHECK(pread(file, buffer, 16, 0) == 8);
    printf("%.4s then %d%d%d%d\n", buffer, buffer[4], buffer[5], buffer[6], buffer[7]);
    SHOW(truncate("file", 100000));
    printf("size %ld\n", size());
    SHOW(truncate("file", -1));
    SHOW(ftruncate(file, -1));
    SHOW(truncate("missing", 0));
    SHOW(truncate(".", 0));
    SHOW(ftruncate(0, 0));
    SHOW(fallocate(file, 0, 0, 200000));
    printf("size %ld\n", size());
    SHOW(fallocate(file, FALLOC_FL_KEEP_SIZE, 0, 300000));
    printf("size %ld\n", size());
    SHOW(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4));
    CHECK(pread(file, buffer, 8, 0) == 8);
    printf("punched: %d\n", buffer[0]);
    SHOW(fallocate(file, FALLOC_FL_PUNCH_HOLE, 0, 4));
    SHOW(fallocate(file, 0, 0, 0));
    SHOW(fallocate(file, 0, -1, 10));
    SHOW(posix_fallocate(file, 0, 10));
    int read_only = open("file", O_RDONLY);
    SHOW(ftruncate(read_only, 0));
    SHOW(fallocate(read_only, 0, 0, 10));
    SHOW(fsync(file));
    SHOW(fdatasync(file));
    SHOW(syncfs(file));
    SHOW(posix_fadvise(file, 0, 0, POSIX_FADV_SEQUENTIAL));
    SHOW(readahead(file, 0, 100));
    SHOW(sync_file_range(file, 0, 100, SYNC_FILE_RANGE_WRITE));
    SHOW(sync_file_range(file, 4096, 0, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER));
    SHOW(sync_file_range(file, -1, 100, SYNC_FILE_RANGE_WRITE));
    SHOW(sync_file_range(file, 0, 100, 8));
    SHOW(sync_file_range(read_only, 0, 0, SYNC_FILE_RANGE_WRITE));
    int pipe_ends[2];
    CHECK(pipe(pipe_ends) == 0);
    SHOW(sync_file_range(pipe_ends[1], 0, 100, SYNC_FILE_RANGE_WRITE));
    return 0;
}
