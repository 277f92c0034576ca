// Locks of ranges, of open files and of whole files, as one process sees its own.
// build: -pthread
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include "check.h"

static int lock(int file, int command, short kind, off_t start, off_t length)
{
    struct flock lock = { .l_type = kind, .l_whence = SEEK_SET, .l_start = start, .l_len = length };
    return fcntl(file, command, &lock);
}

static void who(int file, int command, short kind, off_t start, off_t length)
{
    struct flock lock = { .l_type = kind, .l_whence = SEEK_SET, .l_start = start, .l_len = length };
    CHECK(fcntl(file, command, &lock) == 0);
    if (lock.l_type == F_UNLCK)
        puts("free");
    else
        printf("type %d, from %ld, %ld bytes, pid %s\n", lock.l_type, (long)lock.l_start, (long)lock.l_len,
               lock.l_pid == getpid() ? "own" : lock.l_pid == -1 ? "-1" : "another");
}

static void *unlocks_later(void *argument)
{
    usleep(50000);
    CHECK(lock(*(int *)argument, F_OFD_SETLK, F_UNLCK, 0, 0) == 0);
    return 0;
}

int main(void)
{
    int a = open("file", O_RDWR | O_CREAT, 0600), b = open("file", O_RDWR), reader = open("file", O_RDONLY);
    CHECK(a >= 0 && b >= 0 && reader >= 0);

    /* Of the process: they never conflict with its own. */
    SHOW(lock(a, F_SETLK, F_WRLCK, 10, 10));
    SHOW(lock(b, F_SETLK, F_WRLCK, 15, 10));
    who(b, F_GETLK, F_WRLCK, 0, 0);
    SHOW(lock(reader, F_SETLK, F_WRLCK, 0, 1));
    SHOW(lock(reader, F_SETLK, F_RDLCK, 12, 1));
    /* But with those of open files. */
    who(b, F_OFD_GETLK, F_RDLCK, 0, 0);
    who(b, F_OFD_GETLK, F_RDLCK, 12, 1);
    SHOW(lock(b, F_OFD_SETLK, F_RDLCK, 11, 1));
    SHOW(lock(b, F_OFD_SETLK, F_RDLCK, 12, 1));
    SHOW(lock(b, F_OFD_SETLK, F_UNLCK, 12, 1));
    SHOW(lock(a, F_SETLK, F_UNLCK, 12, 2));
    who(b, F_OFD_GETLK, F_WRLCK, 12, 0);
    who(b, F_OFD_GETLK, F_WRLCK, 12, 2);
    /* Any descriptor of the file that is closed ends them. */
    CHECK(close(reader) == 0);
    who(b, F_OFD_GETLK, F_WRLCK, 0, 0);

    /* Of open files. */
    SHOW(lock(a, F_OFD_SETLK, F_WRLCK, 100, 0));
    SHOW(lock(b, F_OFD_SETLK, F_RDLCK, 1000, 1));
    who(b, F_OFD_GETLK, F_RDLCK, 50, 100);
    who(b, F_GETLK, F_RDLCK, 50, 100);
    int copy = dup(a);
    CHECK(close(copy) == 0);
    SHOW(lock(b, F_OFD_SETLK, F_RDLCK, 1000, 1));
    pthread_t thread;
    CHECK(pthread_create(&thread, 0, unlocks_later, &a) == 0);
    SHOW(lock(b, F_OFD_SETLKW, F_RDLCK, 1000, 1));
    CHECK(pthread_join(thread, 0) == 0);
    CHECK(close(b) == 0);
    SHOW(lock(a, F_OFD_SETLK, F_WRLCK, 0, 0));

    struct flock bad = { .l_type = F_WRLCK, .l_pid = 1 };
    SHOW(fcntl(a, F_OFD_SETLK, &bad));
    SHOW(lock(a, F_SETLK, 7, 0, 0));
    SHOW(lock(a, F_SETLK, F_RDLCK, -1, 0));
    SHOW(lock(a, F_SETLK, F_RDLCK, 0x7fffffffffffffff, 2));
    SHOW(lock(a, F_OFD_SETLK, F_UNLCK, 20, -10));
    SHOW(fcntl(a, F_SETLK, (void *)8));

    /* Of whole files. */
    b = open("file", O_RDWR);
    SHOW(flock(a, LOCK_SH));
    SHOW(flock(b, LOCK_SH | LOCK_NB));
    SHOW(flock(a, LOCK_EX | LOCK_NB));
    SHOW(flock(b, LOCK_UN));
    SHOW(flock(a, LOCK_EX | LOCK_NB));
    SHOW(flock(b, LOCK_SH | LOCK_NB));
    CHECK(close(a) == 0);
    SHOW(flock(b, LOCK_SH | LOCK_NB));
    SHOW(flock(b, 77));
    SHOW(flock(99, LOCK_SH));
    return 0;
}
