/* Opening and closing either end: names, locks, ends of file, hang-ups. */
#include "pty.h"
#include <sys/stat.h>
#include <sys/sysmacros.h>

static void show_poll(const char *what, int fd)
{
    struct pollfd pfd = {.fd = fd, .events = POLLIN | POLLOUT | POLLPRI};
    poll(&pfd, 1, 0);
    printf("%s: %x\n", what, pfd.revents);
}

int main(void)
{
    char bytes[100], name[100], link[100];
    master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    CHECK(master >= 0);
    int number, locked;
    CHECK(ioctl(master, TIOCGPTN, &number) == 0);
    snprintf(name, sizeof name, "/dev/pts/%d", number);
    printf("name %d\n", strcmp(name, ptsname(master)));
    struct stat info, by_name;
    CHECK(stat(name, &info) == 0);
    printf("mode %o, uid %d, major %u, minor %d\n", info.st_mode, info.st_uid == getuid(), major(info.st_rdev),
           minor(info.st_rdev) == (unsigned)number);
    CHECK(ioctl(master, TIOCGPTLCK, &locked) == 0);
    printf("locked %d\n", locked);
    SHOW(open(name, O_RDWR | O_NOCTTY));
    CHECK(unlockpt(master) == 0);
    CHECK(ioctl(master, TIOCGPTLCK, &locked) == 0);
    printf("locked %d\n", locked);
    printf("isatty %d\n", isatty(master));
    show_poll("nobody had the slave open", master);

    slave = open(name, O_RDWR | O_NOCTTY);
    CHECK(slave >= 0);
    CHECK(fstat(slave, &by_name) == 0);
    printf("same %d\n", by_name.st_ino == info.st_ino && by_name.st_dev == info.st_dev);
    printf("isatty %d, ttyname %d\n", isatty(slave), strcmp(ttyname(slave), name));
    snprintf(link, sizeof link, "/proc/self/fd/%d", slave);
    ssize_t len = readlink(link, bytes, sizeof bytes - 1);
    printf("link %d\n", len == (ssize_t)strlen(name) && memcmp(bytes, name, len) == 0);
    SHOW(ioctl(slave, TIOCGPTN, &number));
    SHOW(lseek(slave, 0, SEEK_SET));
    SHOW(lseek(master, 0, SEEK_SET));
    SHOW(ftruncate(slave, 0));
    SHOW(pread(slave, bytes, 1, 0));

    int peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(peer >= 0);
    printf("peer's flags %x %x\n", fcntl(peer, F_GETFD), fcntl(peer, F_GETFL) & O_ACCMODE);
    CHECK(fstat(peer, &info) == 0);
    printf("same %d\n", by_name.st_ino == info.st_ino);

    CHECK(fchmod(slave, 0620) == 0 && stat(name, &info) == 0);
    printf("mode %o\n", info.st_mode);
    SHOW(unlink(name));
    SHOW(mkdir("/dev/pts/x", 0700));

    puts("the slave is closed");
    CHECK(write(peer, "last\n", 5) == 5);
    close(peer);
    show_poll("one is open", master);
    close(slave);
    show_poll("closed, with data", master);
    show_bytes("read", bytes, read(master, bytes, 2));
    show_bytes("read", bytes, read(master, bytes, 100));
    show_poll("closed", master);
    show_bytes("read", bytes, read(master, bytes, 100));
    SHOW_VALUE(write(master, "typed\n", 6));
    slave = open(name, O_RDWR | O_NOCTTY);
    CHECK(slave >= 0);
    usleep(20000);
    show_poll("open again", master);
    show_read(100);
    show_all("echo", master);
    struct termios changed = settings();
    changed.c_lflag &= ~(tcflag_t)ECHO;
    set(changed);
    close(slave);
    slave = open(name, O_RDWR | O_NOCTTY);
    printf("settings stay: %d\n", !(settings().c_lflag & ECHO));

    puts("exclusive");
    CHECK(ioctl(slave, TIOCEXCL) == 0);
    int exclusive;
    CHECK(ioctl(slave, TIOCGEXCL, &exclusive) == 0);
    printf("%d\n", exclusive);
    CHECK(ioctl(slave, TIOCNXCL) == 0);

    puts("the master is closed");
    int copy = dup(master);
    CHECK(write(master, "line\n", 5) == 5);
    close(master);
    show_poll("a copy is open", slave);
    close(copy);
    show_poll("closed", slave);
    show_bytes("read", bytes, read(slave, bytes, 100));
    SHOW_VALUE(write(slave, "x", 1));
    struct termios termios;
    SHOW(tcgetattr(slave, &termios));
    SHOW(tcsetpgrp(slave, getpgrp()));
    SHOW(stat(name, &info));
    SHOW(open(name, O_RDWR | O_NOCTTY));
    printf("isatty %d\n", isatty(slave));
    return 0;
}
