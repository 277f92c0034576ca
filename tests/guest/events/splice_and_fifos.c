/* splice, tee, vmsplice between pipes and files; named FIFOs with open's rules. */
#define _GNU_SOURCE
#include "../check.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>

static void *volatile nowhere = (void *)8;
static char buffer[1 << 20];

static void new_pipe(int fds[2])
{
    CHECK(pipe2(fds, O_NONBLOCK) == 0);
}

static int inside(int fd)
{
    int count;
    CHECK(ioctl(fd, FIONREAD, &count) == 0);
    return count;
}

static void between_pipes(void)
{
    int one[2], two[2];
    new_pipe(one);
    new_pipe(two);
    for (int i = 0; i < 20000; i++)
        buffer[i] = (char)(i % 251);
    CHECK(write(one[1], buffer, 20000) == 20000);
    SHOW_VALUE(tee(one[0], two[1], 5000, 0));
    printf("%d and %d\n", inside(one[0]), inside(two[0]));
    SHOW_VALUE(splice(one[0], 0, two[1], 0, 6000, 0));
    printf("%d and %d\n", inside(one[0]), inside(two[0]));
    /* What is shared doesn't change. */
    CHECK(write(one[1], "changed", 7) == 7);
    char read_back[12000];
    CHECK(read(two[0], read_back, sizeof read_back) == 11000);
    for (int i = 0; i < 5000; i++)
        CHECK(read_back[i] == (char)(i % 251));
    for (int i = 0; i < 6000; i++)
        CHECK(read_back[5000 + i] == (char)(i % 251));
    SHOW_VALUE(splice(one[0], 0, two[1], 0, 1000000, 0));
    SHOW_VALUE(splice(one[0], 0, two[1], 0, 1000000, 0));
    SHOW_VALUE(tee(one[0], two[1], 1000000, 0));
    close(one[1]);
    SHOW_VALUE(splice(one[0], 0, two[1], 0, 1000000, 0));
    SHOW_VALUE(tee(one[0], two[1], 1000000, 0));
    SHOW_VALUE(splice(two[0], 0, two[1], 0, 10, 0));
    SHOW_VALUE(tee(two[0], two[1], 10, 0));
    SHOW_VALUE(tee(two[1], two[0], 10, 0));
    SHOW_VALUE(tee(two[0], two[1], 10, 16));
    SHOW_VALUE(tee(two[0], two[1], 0, 0));
    close(one[0]);
    close(two[0]);
    close(two[1]);
    new_pipe(one);
    new_pipe(two);
    CHECK(write(one[1], buffer, 100) == 100);
    close(two[0]);
    signal(SIGPIPE, SIG_IGN);
    SHOW_VALUE(splice(one[0], 0, two[1], 0, 10, 0));
    printf("%d left\n", inside(one[0]));
}

static void with_files(void)
{
    int fds[2], file = open("/tmp", O_TMPFILE | O_RDWR, 0600), append = open("/tmp", O_TMPFILE | O_RDWR | O_APPEND, 0600);
    CHECK(file >= 0 && append >= 0);
    new_pipe(fds);
    for (int i = 0; i < 200000; i++)
        buffer[i] = (char)(i % 253);
    CHECK(pwrite(file, buffer, 200000, 0) == 200000);
    loff_t offset = 10;
    SHOW_VALUE(splice(file, &offset, fds[1], 0, 1000, 0));
    printf("offset %ld, position %ld\n", (long)offset, (long)lseek(file, 0, SEEK_CUR));
    CHECK(read(fds[0], buffer + 500000, 2000) == 1000);
    CHECK(!memcmp(buffer + 500000, buffer + 10, 1000));
    SHOW_VALUE(splice(file, 0, fds[1], 0, 1000, 0));
    printf("position %ld\n", (long)lseek(file, 0, SEEK_CUR));
    loff_t target = 300000;
    SHOW_VALUE(splice(fds[0], 0, file, &target, 700, 0));
    printf("offset %ld\n", (long)target);
    SHOW_VALUE(splice(fds[0], 0, file, 0, 700, 0));
    printf("position %ld\n", (long)lseek(file, 0, SEEK_CUR));
    CHECK(pread(file, buffer + 500000, 700, 300000) == 700 && !memcmp(buffer + 500000, buffer, 700));
    SHOW_VALUE(splice(fds[0], 0, file, 0, 700, 0));
    SHOW_VALUE(splice(fds[0], &offset, file, 0, 700, 0));
    SHOW_VALUE(splice(file, 0, fds[1], &offset, 700, 0));
    SHOW_VALUE(splice(file, 0, append, 0, 700, 0));
    CHECK(write(fds[1], buffer, 10) == 10);
    SHOW_VALUE(splice(fds[0], 0, append, 0, 700, 0));
    SHOW_VALUE(splice(fds[1], 0, file, 0, 700, 0));
    SHOW_VALUE(splice(file, 0, fds[0], 0, 700, 0));
    SHOW_VALUE(splice(999, 0, fds[1], 0, 700, 0));
    SHOW_VALUE(splice(file, 0, 999, 0, 700, 0));
    SHOW_VALUE(splice(file, 0, fds[1], 0, 700, 32));
    SHOW_VALUE(splice(file, nowhere, fds[1], 0, 700, 0));
    offset = -1;
    SHOW_VALUE(splice(file, &offset, fds[1], 0, 700, 0));
    offset = 1 << 30;
    SHOW_VALUE(splice(file, &offset, fds[1], 0, 700, 0));
    CHECK(read(fds[0], buffer + 500000, 100) == 10);
    offset = 0;
    SHOW_VALUE(splice(file, &offset, fds[1], 0, 1 << 20, 0));
    SHOW_VALUE(splice(file, &offset, fds[1], 0, 1 << 20, 0));
    SHOW_VALUE(splice(file, &offset, fds[1], 0, 1 << 20, SPLICE_F_NONBLOCK));
    CHECK(pread(file, buffer + 700000, 65536, 0) == 65536);
    CHECK(read(fds[0], buffer + 500000, 100000) == 65536 && !memcmp(buffer + 500000, buffer + 700000, 65536));
    struct iovec pieces[] = {{buffer, 10}, {buffer + 100, 20}};
    SHOW_VALUE(vmsplice(fds[1], pieces, 2, 0));
    SHOW_VALUE(vmsplice(file, pieces, 2, 0));
    SHOW_VALUE(vmsplice(999, pieces, 2, 0));
    SHOW_VALUE(vmsplice(fds[1], pieces, 2, 64));
    SHOW_VALUE(vmsplice(fds[1], pieces, 0, 0));
    struct iovec back[] = {{buffer + 500000, 15}, {buffer + 600000, 100}};
    SHOW_VALUE(vmsplice(fds[0], back, 2, 0));
    CHECK(!memcmp(buffer + 500000, buffer, 10) && !memcmp(buffer + 600000, buffer + 105, 15));
}

static char path[64];

static void *opens(void *argument)
{
    int fd = open(path, (int)(long)argument);
    return (void *)(long)fd;
}

static short ready(int fd)
{
    struct pollfd entry = {.fd = fd, .events = 0xffff};
    CHECK(poll(&entry, 1, 0) >= 0);
    return entry.revents;
}

static void fifos(void)
{
    snprintf(path, sizeof path, "/tmp/fifo.%d", getpid());
    CHECK(mkfifo(path, 0600) == 0);
    SHOW(open(path, O_WRONLY | O_NONBLOCK));
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    CHECK(reader >= 0);
    printf("no writer yet %#x\n", ready(reader));
    char byte;
    SHOW_VALUE(read(reader, &byte, 1));
    int writer = open(path, O_WRONLY);
    CHECK(writer >= 0);
    printf("a writer %#x %#x\n", ready(reader), ready(writer));
    SHOW_VALUE(read(reader, &byte, 1));
    CHECK(write(writer, "hello", 5) == 5);
    printf("written %#x\n", ready(reader));
    close(writer);
    printf("closed %#x\n", ready(reader));
    CHECK(read(reader, buffer, 100) == 5);
    printf("read %#x\n", ready(reader));
    SHOW_VALUE(read(reader, &byte, 1));
    writer = open(path, O_WRONLY | O_NONBLOCK);
    CHECK(writer >= 0);
    printf("a new writer %#x\n", ready(reader));
    close(reader);
    printf("reader closed %#x\n", ready(writer));
    SHOW_VALUE(write(writer, "x", 1));
    close(writer);
    int both = open(path, O_RDWR);
    CHECK(both >= 0);
    printf("both ends %#x\n", ready(both));
    CHECK(write(both, "abc", 3) == 3);
    printf("both ends %#x\n", ready(both));
    close(both);
    both = open(path, O_RDWR | O_NONBLOCK);
    SHOW_VALUE(read(both, buffer, 10));
    close(both);
    /* Opening waits for the other end. */
    pthread_t thread;
    void *result;
    CHECK(pthread_create(&thread, 0, opens, (void *)(long)O_RDONLY) == 0);
    usleep(20000);
    writer = open(path, O_WRONLY);
    pthread_join(thread, &result);
    reader = (int)(long)result;
    CHECK(writer >= 0 && reader >= 0);
    CHECK(write(writer, "z", 1) == 1 && read(reader, &byte, 1) == 1 && byte == 'z');
    close(writer);
    SHOW_VALUE(read(reader, &byte, 1));
    close(reader);
    CHECK(pthread_create(&thread, 0, opens, (void *)(long)O_WRONLY) == 0);
    usleep(20000);
    reader = open(path, O_RDONLY);
    pthread_join(thread, &result);
    CHECK(reader >= 0 && (long)result >= 0);
    struct stat status;
    CHECK(fstat(reader, &status) == 0);
    printf("mode %o\n", status.st_mode);
    SHOW_VALUE(lseek(reader, 0, SEEK_SET));
    CHECK(unlink(path) == 0);
}

int main(void)
{
    between_pipes();
    with_files();
    fifos();
}
