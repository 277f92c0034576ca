/* inotify: which events come for what, names, moves, removal, masks, buffers, bad arguments. */
#define _GNU_SOURCE
#include "../check.h"
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

static int inotify, watches[10], count;

static int number_of(int watch)
{
    for (int i = 0; i < count; i++)
        if (watches[i] == watch)
            return i;
    return -1;
}

static void watch(const char *path, uint32_t mask)
{
    int watch = inotify_add_watch(inotify, path, mask);
    CHECK(watch >= 0);
    printf("watch %d: %s\n", count, path);
    watches[count++] = watch;
}

static void show(const char *what)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } names[] = {{IN_ACCESS, "ACCESS"},
                 {IN_MODIFY, "MODIFY"},
                 {IN_ATTRIB, "ATTRIB"},
                 {IN_CLOSE_WRITE, "CLOSE_WRITE"},
                 {IN_CLOSE_NOWRITE, "CLOSE_NOWRITE"},
                 {IN_OPEN, "OPEN"},
                 {IN_MOVED_FROM, "MOVED_FROM"},
                 {IN_MOVED_TO, "MOVED_TO"},
                 {IN_CREATE, "CREATE"},
                 {IN_DELETE, "DELETE"},
                 {IN_DELETE_SELF, "DELETE_SELF"},
                 {IN_MOVE_SELF, "MOVE_SELF"},
                 {IN_Q_OVERFLOW, "Q_OVERFLOW"},
                 {IN_IGNORED, "IGNORED"},
                 {IN_ISDIR, "ISDIR"}};
    char buffer[8192] __attribute__((aligned(8)));
    printf("-- %s\n", what);
    uint32_t cookie = 0;
    ssize_t len;
    while ((len = read(inotify, buffer, sizeof buffer)) > 0)
        for (char *at = buffer; at < buffer + len;) {
            struct inotify_event *event = (void *)at;
            printf("%d", number_of(event->wd));
            uint32_t left = event->mask;
            for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (left & names[i].bit) {
                    printf(" %s", names[i].name);
                    left &= ~names[i].bit;
                }
            if (left)
                printf(" %x", left);
            if (event->len)
                printf(" \"%s\" of %u", event->name, event->len);
            if (event->cookie) {
                printf(" %s", event->cookie == cookie ? "same cookie" : "new cookie");
                cookie = event->cookie;
            }
            puts("");
            at += sizeof *event + event->len;
        }
    CHECK(errno == EAGAIN);
}

int main(void)
{
    char dir[] = "/tmp/inotify-XXXXXX";
    CHECK(mkdtemp(dir) && chdir(dir) == 0);
    SHOW(inotify_init1(1));
    inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    CHECK(inotify >= 0);
    printf("flags %x %x\n", fcntl(inotify, F_GETFD), fcntl(inotify, F_GETFL) & O_NONBLOCK);
    SHOW(inotify_add_watch(inotify, "missing", IN_ALL_EVENTS));
    SHOW(inotify_add_watch(inotify, ".", 0));
    SHOW(inotify_add_watch(1, ".", IN_OPEN));
    SHOW(inotify_add_watch(99, ".", IN_OPEN));
    SHOW(inotify_add_watch(inotify, ".", IN_OPEN | IN_MASK_ADD | IN_MASK_CREATE));
    SHOW(inotify_rm_watch(inotify, 7));
    SHOW(write(inotify, "x", 1));
    char small[8];
    SHOW(read(inotify, small, sizeof small));

    watch(".", IN_ALL_EVENTS);
    int fd = open("file", O_RDWR | O_CREAT, 0644);
    CHECK(fd >= 0);
    show("created");
    struct pollfd pfd = {.fd = inotify, .events = POLLIN};
    printf("poll %d\n", poll(&pfd, 1, 0));
    CHECK(write(fd, "hello", 5) == 5);
    printf("poll %d\n", poll(&pfd, 1, 0));
    int bytes;
    CHECK(ioctl(inotify, FIONREAD, &bytes) == 0);
    printf("FIONREAD %d\n", bytes);
    SHOW(read(inotify, small, sizeof small));
    CHECK(write(fd, "again", 5) == 5);
    show("written twice");
    CHECK(pread(fd, small, 5, 0) == 5);
    CHECK(read(fd, small, 5) == 0);
    CHECK(ftruncate(fd, 3) == 0);
    CHECK(fchmod(fd, 0600) == 0);
    show("read, truncated, changed");
    watch("file", IN_ALL_EVENTS);
    CHECK(pwrite(fd, "x", 1, 0) == 1);
    CHECK(close(fd) == 0);
    show("two watches");
    fd = open("file", O_RDONLY);
    CHECK(read(fd, small, 2) == 2);
    close(fd);
    show("read");
    struct timespec times[2] = {{1, 0}, {2, 0}};
    CHECK(utimensat(AT_FDCWD, "file", times, 0) == 0);
    times[0].tv_nsec = UTIME_OMIT;
    CHECK(utimensat(AT_FDCWD, "file", times, 0) == 0);
    times[0].tv_nsec = 0;
    times[1].tv_nsec = UTIME_OMIT;
    CHECK(utimensat(AT_FDCWD, "file", times, 0) == 0);
    CHECK(chown("file", 0, 0) == 0);
    show("attributes");
    fd = open("file", O_PATH);
    close(fd);
    show("O_PATH");
    fd = open("file", O_WRONLY | O_TRUNC);
    close(fd);
    show("O_TRUNC");
    CHECK(link("file", "second") == 0);
    show("linked");
    CHECK(unlink("second") == 0);
    show("unlinked");

    CHECK(mkdir("sub", 0755) == 0);
    CHECK(symlink("file", "link") == 0);
    CHECK(mkfifo("a-fifo-with-a-long-name", 0600) == 0);
    show("others");
    watch("sub", IN_ALL_EVENTS);
    fd = open("sub", O_RDONLY | O_DIRECTORY);
    close(fd);
    show("a directory is opened");
    CHECK(rename("file", "sub/moved") == 0);
    show("moved");
    CHECK(rename("sub/moved", "sub/renamed") == 0);
    show("renamed");
    fd = creat("sub/target", 0600);
    close(fd);
    watch("sub/target", IN_ALL_EVENTS);
    show("a target");
    CHECK(rename("sub/renamed", "sub/target") == 0);
    show("replaced");
    CHECK(rename("sub", "directory") == 0);
    show("a directory is moved");

    puts("masks");
    printf("same %d\n", inotify_add_watch(inotify, "directory", IN_CREATE) == watches[2]);
    SHOW(inotify_add_watch(inotify, "directory", IN_CREATE | IN_MASK_CREATE));
    SHOW(inotify_add_watch(inotify, "directory/target", IN_CREATE | IN_ONLYDIR));
    fd = creat("directory/one", 0600);
    close(fd);
    show("only made");
    printf("same %d\n", inotify_add_watch(inotify, "directory", IN_DELETE | IN_MASK_ADD) == watches[2]);
    CHECK(unlink("directory/one") == 0);
    fd = creat("directory/one", 0600);
    close(fd);
    show("made and removed");
    inotify_add_watch(inotify, "directory", IN_CREATE | IN_ONESHOT);
    fd = creat("directory/two", 0600);
    close(fd);
    fd = creat("directory/three", 0600);
    close(fd);
    show("once");

    puts("removal");
    CHECK(inotify_rm_watch(inotify, watches[0]) == 0);
    SHOW(inotify_rm_watch(inotify, watches[0]));
    show("a watch is given up");
    watch("directory", IN_ALL_EVENTS);
    CHECK(unlink("directory/one") == 0 && unlink("directory/two") == 0 && unlink("directory/three") == 0);
    CHECK(unlink("directory/target") == 0);
    show("files are removed");
    CHECK(rmdir("directory") == 0);
    show("a directory is removed");

    CHECK(unlink("link") == 0 && unlink("a-fifo-with-a-long-name") == 0 && chdir("/") == 0 && rmdir(dir) == 0);
    return 0;
}
