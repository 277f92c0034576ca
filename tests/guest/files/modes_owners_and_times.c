// chmod, chown, umask, utimensat: what they set is what stat says.
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include "check.h"

static struct stat status;

static void show(const char *name)
{
    CHECK(lstat(name, &status) == 0);
    printf("%s: %o, %ld.%09ld, %ld.%09ld\n", name, status.st_mode, (long)status.st_atim.tv_sec, status.st_atim.tv_nsec,
           (long)status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
}

int main(void)
{
    printf("mask: %o, %o\n", umask(077), umask(022));
    int file = open("file", O_RDWR | O_CREAT, 06755);
    struct timespec times[2] = { { 1000, 5 }, { 2000, 999999999 } };
    SHOW(utimensat(AT_FDCWD, "file", times, 0));
    show("file");
    SHOW(chmod("file", 0123));
    show("file");
    SHOW(fchmod(file, 07777));
    show("file");
    SHOW(fchmodat(AT_FDCWD, "file", 0644, 0));
    show("file");
    SHOW(chmod("missing", 0));
    times[0].tv_nsec = UTIME_OMIT;
    times[1] = (struct timespec){ -5, 0 };
    SHOW(futimens(file, times));
    show("file");
    times[1].tv_nsec = UTIME_OMIT;
    SHOW(futimens(file, times));
    times[1].tv_nsec = 1000000000;
    SHOW(futimens(file, times));
    time_t before = time(0);
    times[0].tv_nsec = times[1].tv_nsec = UTIME_NOW;
    SHOW(futimens(file, times));
    CHECK(fstat(file, &status) == 0);
    printf("now: %d\n", status.st_mtim.tv_sec >= before - 1 && status.st_mtim.tv_sec <= time(0) + 1);
    SHOW(utimensat(AT_FDCWD, "missing", 0, 0));
    SHOW(utimensat(AT_FDCWD, "file", times, 0x8000));

    CHECK(symlink("file", "link") == 0);
    times[0] = times[1] = (struct timespec){ 77, 0 };
    SHOW(utimensat(AT_FDCWD, "link", times, AT_SYMLINK_NOFOLLOW));
    CHECK(lstat("link", &status) == 0);
    printf("the link's own: %ld\n", (long)status.st_mtim.tv_sec);
    CHECK(stat("link", &status) == 0);
    printf("not the file's: %d\n", status.st_mtim.tv_sec != 77);

    /* Writing changes the times of change, as does creating an entry for its directory. */
    times[0] = times[1] = (struct timespec){ 500, 0 };
    CHECK(futimens(file, times) == 0 && write(file, "x", 1) == 1 && fstat(file, &status) == 0);
    printf("written: %d, changed: %d\n", status.st_mtim.tv_sec >= before - 1, status.st_ctim.tv_sec >= before - 1);
    CHECK(mkdir("d", 0777) == 0 && utimensat(AT_FDCWD, "d", times, 0) == 0 && close(creat("d/x", 0600)) == 0);
    CHECK(stat("d", &status) == 0);
    printf("directory changed: %d, mode %o\n", status.st_mtim.tv_sec >= before - 1, status.st_mode);

    SHOW(chown("file", getuid(), getgid()));
    SHOW(fchown(file, -1, -1));
    SHOW(lchown("link", getuid(), -1));
    SHOW(chown("missing", 0, 0));
    SHOW(fchownat(AT_FDCWD, "file", -1, -1, 0x4));
    return 0;
}
