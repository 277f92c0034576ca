// Private and shared mappings of files: who sees which write, the tail of the last page, and SIGBUS behind the end.
#include <fcntl.h>
#include "mapping.h"

static int byte_at(int file, off_t offset)
{
    unsigned char byte;
    return pread(file, &byte, 1, offset) == 1 ? byte : -1;
}

int main(void)
{
    int rw = PROT_READ | PROT_WRITE;
    int file = make_file(3 * PAGE + 100);

    unsigned char *private = mmap(0, 4 * PAGE, rw, MAP_PRIVATE, file, 0);
    unsigned char *shared = mmap(0, 4 * PAGE, rw, MAP_SHARED, file, 0);
    unsigned char *other = mmap(0, 2 * PAGE, PROT_READ, MAP_SHARED, file, 2 * PAGE);
    CHECK(private != MAP_FAILED && shared != MAP_FAILED && other != MAP_FAILED);
    printf("contents: %d %d %d %d, behind the end %d\n", private[0], shared[PAGE], other[0], other[PAGE + 99], other[PAGE + 100]);

    private[0] = 100;
    printf("private write: private %d, shared %d, file %d\n", private[0], shared[0], byte_at(file, 0));
    shared[2 * PAGE] = 101;
    printf("shared write: other %d, file %d, untouched private %d\n", other[0], byte_at(file, 2 * PAGE), private[2 * PAGE]);
    CHECK(pwrite(file, "\x66", 1, PAGE) == 1);
    printf("file write: shared %d, untouched private %d\n", shared[PAGE], private[PAGE]);
    SHOW(msync(shared, 4 * PAGE, MS_SYNC));
    SHOW(msync(shared, 4 * PAGE, MS_ASYNC | MS_INVALIDATE));

    /* Bytes behind the end of the file within its last page can be touched and never reach the file. */
    shared[3 * PAGE + 100] = 55;
    printf("behind the end: %s, size still %ld\n", reading(shared + 3 * PAGE + 100), (long)lseek(file, 0, SEEK_END));
    unsigned char *beyond = mmap(0, 8 * PAGE, rw, MAP_SHARED, file, 0);
    CHECK(beyond != MAP_FAILED);
    printf("a page behind the end: reading %s, writing %s\n", reading(beyond + 4 * PAGE), writing(beyond + 5 * PAGE));
    CHECK(ftruncate(file, 6 * PAGE) == 0);
    printf("after growing: %s, %s\n", writing(beyond + 4 * PAGE), reading(beyond + 6 * PAGE));
    CHECK(ftruncate(file, PAGE) == 0);
    printf("after shrinking: %s, %s\n", reading(beyond), reading(beyond + PAGE));
    printf("private copy after shrinking: %s\n", reading(private));
    CHECK(ftruncate(file, 2 * PAGE) == 0);
    printf("grown again: zero is %d\n", beyond[PAGE]);

    /* A mapping outlives its descriptor. */
    CHECK(close(file) == 0);
    shared[5] = 9;
    printf("after close: %d\n", beyond[5]);

    /* What the descriptor forbids, the mapping may not do. */
    CHECK((file = open("named", O_RDWR | O_CREAT, 0600)) >= 0 && write(file, "abcdef", 6) == 6 && close(file) == 0);
    CHECK((file = open("named", O_RDONLY)) >= 0);
    SHOW(mmap(0, PAGE, rw, MAP_SHARED, file, 0));
    SHOW(mmap(0, PAGE, rw, MAP_PRIVATE, file, 0));
    unsigned char *only = mmap(0, PAGE, PROT_READ, MAP_SHARED, file, 0);
    CHECK(only != MAP_FAILED);
    SHOW(mprotect(only, PAGE, rw));
    CHECK(close(file) == 0 && (file = open("named", O_WRONLY)) >= 0);
    SHOW(mmap(0, PAGE, PROT_READ, MAP_PRIVATE, file, 0));
    SHOW(mmap(0, PAGE, PROT_WRITE, MAP_SHARED, file, 0));
    CHECK(close(file) == 0 && (file = open(".", O_RDONLY)) >= 0);
    SHOW(mmap(0, PAGE, PROT_READ, MAP_PRIVATE, file, 0));
    SHOW(mmap(0, PAGE, PROT_READ, MAP_PRIVATE, 999, 0));
    SHOW(syscall(SYS_mmap, 0L, (long)PAGE, (long)PROT_READ, (long)MAP_PRIVATE, (long)file, 123L));

    SHOW(msync(shared + 1, PAGE, MS_SYNC));
    SHOW(msync(shared, PAGE, MS_SYNC | MS_ASYNC));
    SHOW(msync(shared, PAGE, 0x100));
    CHECK(munmap(shared, PAGE) == 0);
    SHOW(msync(shared, 2 * PAGE, MS_SYNC));
    return 0;
}
