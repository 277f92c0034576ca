// open's flags: creation, exclusion, truncation, append, directories, links, descriptors at their lowest.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "check.h"

static char buffer[64];

static const char *contents(const char *name)
{
    int file = open(name, O_RDONLY);
    CHECK(file >= 0);
    ssize_t length = read(file, buffer, sizeof buffer - 1);
    CHECK(length >= 0);
    buffer[length] = 0;
    close(file);
    return buffer;
}

int main(void)
{
    umask(022);
    SHOW(open("missing", O_RDONLY));
    SHOW_VALUE(open("file", O_WRONLY | O_CREAT | O_EXCL, 0666));
    SHOW_VALUE(write(3, "hello world", 11));
    SHOW(open("file", O_WRONLY | O_CREAT | O_EXCL, 0666));
    SHOW_VALUE(open("file", O_RDWR | O_CREAT, 0));
    SHOW_VALUE(lseek(4, 0, SEEK_END));
    SHOW(close(3));
    SHOW_VALUE(open("file", O_WRONLY | O_APPEND));
    SHOW_VALUE(lseek(3, 0, SEEK_SET));
    SHOW_VALUE(write(3, "!", 1));
    SHOW_VALUE(lseek(3, 0, SEEK_CUR));
    /* Linux appends with pwrite, too, whatever the offset. */
    SHOW_VALUE(pwrite(3, "?", 1, 0));
    printf("appended: %s\n", contents("file"));
    SHOW_VALUE(fcntl(3, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK));
    SHOW(fcntl(3, F_SETFL, 0));
    SHOW_VALUE(pwrite(3, "J", 1, 0));
    printf("no longer appending: %s\n", contents("file"));
    SHOW_VALUE(read(3, buffer, 1));
    SHOW(close(3));
    SHOW_VALUE(open("file", O_RDWR | O_TRUNC));
    printf("truncated: \"%s\"\n", contents("file"));
    SHOW(close(3));
    SHOW(close(4));
    SHOW(close(3));
    SHOW(close(-1));

    SHOW(mkdir("directory", 0777));
    SHOW(symlink("file", "link"));
    SHOW(symlink("missing", "dangling"));
    SHOW(symlink("loop", "loop"));
    SHOW(open("file", O_RDONLY | O_DIRECTORY));
    SHOW(open("directory", O_WRONLY));
    SHOW(open("directory", O_RDWR));
    SHOW(open("directory", O_RDONLY | O_CREAT, 0666));
    SHOW(open("link", O_RDONLY | O_NOFOLLOW));
    SHOW(open("loop", O_RDONLY));
    SHOW(open("dangling", O_RDONLY));
    SHOW(open("dangling", O_WRONLY | O_CREAT | O_EXCL, 0666));
    SHOW_VALUE(open("dangling", O_WRONLY | O_CREAT, 0666));
    printf("created through the link: %d\n", access("missing", F_OK));
    SHOW(close(3));
    SHOW(open("file/below", O_RDONLY));
    SHOW(open("file/", O_RDONLY));
    SHOW(open("missing/below", O_WRONLY | O_CREAT, 0666));
    SHOW(open("new/", O_WRONLY | O_CREAT, 0666));
    SHOW(open("", O_RDONLY));
    char name[5000];
    memset(name, 'n', sizeof name);
    name[256] = 0;
    SHOW(open(name, O_WRONLY | O_CREAT, 0666));
    name[255] = 0;
    SHOW(close(open(name, O_WRONLY | O_CREAT, 0666)));
    name[255] = 'n';
    for (size_t i = 2; i < sizeof name - 3; i += 2)
        name[i] = '.', name[i + 1] = '/';
    name[0] = '.', name[1] = '/', name[4094] = 'x', name[4095] = 0;
    SHOW(open(name, O_RDONLY));
    name[4095] = 'x', name[4096] = 0;
    SHOW(open(name, O_RDONLY));

    SHOW_VALUE(open(".", O_RDWR | O_TMPFILE, 0600));
    SHOW_VALUE(write(3, "unnamed", 7));
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", 3);
    SHOW(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
    printf("linked: %s\n", contents("named"));
    SHOW(close(3));
    SHOW(open(".", O_RDONLY | O_TMPFILE, 0600));

    SHOW_VALUE(open("file", O_PATH));
    SHOW(read(3, buffer, 1));
    SHOW(fchmod(3, 0600));
    struct stat status;
    SHOW(fstat(3, &status));
    SHOW(close(3));
    SHOW_VALUE(open("link", O_PATH | O_NOFOLLOW));
    SHOW(fstat(3, &status));
    printf("a link: %d\n", S_ISLNK(status.st_mode));
    SHOW_VALUE(readlinkat(3, "", buffer, sizeof buffer));
    SHOW(close(3));
    SHOW_VALUE(open("file", O_RDONLY | O_CLOEXEC));
    SHOW_VALUE(fcntl(3, F_GETFD));
    SHOW(close(3));

    SHOW_VALUE(open("directory", O_RDONLY | O_DIRECTORY));
    SHOW_VALUE(openat(3, "inside", O_WRONLY | O_CREAT, 0640));
    SHOW(openat(4, "x", O_RDONLY));
    SHOW(openat(99, "x", O_RDONLY));
    SHOW(stat("directory/inside", &status));
    printf("mode %o\n", status.st_mode);
    SHOW_VALUE(openat(99, "/dev/null", O_RDONLY));
    SHOW_VALUE(creat("created", 0604));
    SHOW(stat("created", &status));
    printf("mode %o\n", status.st_mode);
    return 0;
}
