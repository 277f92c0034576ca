/* Pipes: capacity, packing of pages, atomic writes, packet mode, FIONREAD, EOF, EPIPE. */
#define _GNU_SOURCE
#include "../check.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

static char buffer[1 << 21];
/* Where nothing is mapped; not known to the compiler. */
static void *volatile nowhere = (void *)8;

static short ready(int fd, short events)
{
    struct pollfd entry = {.fd = fd, .events = events};
    CHECK(poll(&entry, 1, 0) >= 0);
    return entry.revents;
}

static long fill(int fd, size_t step)
{
    long total = 0, count;
    while ((count = write(fd, buffer, step)) > 0)
        total += count;
    CHECK(errno == EAGAIN);
    return total;
}

static long drain(int fd, size_t step)
{
    long total = 0, count;
    while ((count = read(fd, buffer, step)) > 0)
        total += count;
    return total;
}

static void capacity(void)
{
    size_t steps[] = {1, 7, 100, 4095, 4096, 4097, 6000, 8192, 65535, 65536, 100000};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        int fds[2];
        CHECK(pipe2(fds, O_NONBLOCK) == 0);
        long total = fill(fds[1], steps[i]);
        int readable;
        CHECK(ioctl(fds[0], FIONREAD, &readable) == 0);
        printf("writes of %zu: %ld fit, FIONREAD %d, POLLOUT %#x", steps[i], total, readable,
               ready(fds[1], POLLOUT));
        CHECK(read(fds[0], buffer, 1) == 1);
        printf(", after one byte %#x", ready(fds[1], POLLOUT));
        SHOW_VALUE(write(fds[1], buffer, 1));
        CHECK(read(fds[0], buffer, 4095) == 4095);
        printf("after a page %#x", ready(fds[1], POLLOUT));
        SHOW_VALUE(write(fds[1], buffer, 5000));
        printf("drained %ld\n", drain(fds[0], 3000));
        close(fds[0]);
        close(fds[1]);
    }
}

static void resizing(void)
{
    int fds[2];
    CHECK(pipe2(fds, O_NONBLOCK) == 0);
    SHOW_VALUE(fcntl(fds[0], F_GETPIPE_SZ));
    SHOW_VALUE(fcntl(fds[0], F_SETPIPE_SZ, 1));
    printf("%ld fit\n", fill(fds[1], 1000));
    SHOW_VALUE(fcntl(fds[1], F_SETPIPE_SZ, 8193));
    printf("%ld more fit\n", fill(fds[1], 1000));
    SHOW_VALUE(fcntl(fds[1], F_SETPIPE_SZ, 4096));
    SHOW_VALUE(fcntl(fds[1], F_SETPIPE_SZ, 0));
    SHOW_VALUE(fcntl(fds[1], F_SETPIPE_SZ, 1048576));
    SHOW_VALUE(fcntl(fds[1], F_SETPIPE_SZ, -1));
    printf("%ld more fit\n", fill(fds[1], 65536));
    printf("drained %ld\n", drain(fds[0], 65536));
    close(fds[0]);
    close(fds[1]);
}

static void packets(void)
{
    int fds[2];
    CHECK(pipe2(fds, O_DIRECT | O_NONBLOCK) == 0);
    CHECK(write(fds[1], "first", 5) == 5);
    CHECK(write(fds[1], "second", 6) == 6);
    SHOW_VALUE(write(fds[1], buffer, 5000));
    SHOW_VALUE(read(fds[0], buffer, 100));
    SHOW_VALUE(read(fds[0], buffer, 3));
    SHOW_VALUE(read(fds[0], buffer, 10000));
    SHOW_VALUE(read(fds[0], buffer, 10000));
    SHOW_VALUE(read(fds[0], buffer, 10000));
    printf("packets of one byte: %ld fit\n", fill(fds[1], 1));
    CHECK(drain(fds[0], 100) == 16);
    /* Packet mode can be switched. */
    CHECK(fcntl(fds[1], F_SETFL, O_NONBLOCK) == 0);
    CHECK(write(fds[1], "a", 1) == 1 && write(fds[1], "b", 1) == 1);
    SHOW_VALUE(read(fds[0], buffer, 10));
    SHOW(pipe2(fds, O_APPEND));
    SHOW(pipe2(nowhere, 0));
}

static void *reader(void *argument)
{
    int fd = *(int *)argument;
    long total = 0, count;
    static char chunk[70000];
    while ((count = read(fd, chunk, sizeof chunk)) > 0) {
        for (long i = 0; i < count; i++)
            CHECK(chunk[i] == (char)((total + i) % 251));
        total += count;
    }
    CHECK(count == 0);
    return (void *)total;
}

static void a_stream_arrives_whole(void)
{
    int fds[2];
    pthread_t thread;
    CHECK(pipe(fds) == 0);
    CHECK(pthread_create(&thread, 0, reader, &fds[0]) == 0);
    long total = 0;
    for (int round = 0; round < 300; round++) {
        size_t len = (round * 7919) % 100000 + 1;
        for (size_t i = 0; i < len; i++)
            buffer[i] = (char)((total + i) % 251);
        CHECK(write(fds[1], buffer, len) == (long)len);
        total += len;
    }
    close(fds[1]);
    void *result;
    pthread_join(thread, &result);
    CHECK((long)result == total);
    printf("a stream of %ld bytes arrived\n", total);
    close(fds[0]);
}

static void *writer_of_records(void *argument)
{
    int *arguments = argument;
    char record[3000];
    memset(record, arguments[1], sizeof record);
    for (int i = 0; i < 2000; i++)
        CHECK(write(arguments[0], record, sizeof record) == sizeof record);
    return 0;
}

static void short_writes_stay_whole(void)
{
    int fds[2];
    pthread_t threads[4];
    int arguments[4][2];
    CHECK(pipe(fds) == 0);
    for (int i = 0; i < 4; i++) {
        arguments[i][0] = fds[1];
        arguments[i][1] = 'a' + i;
        CHECK(pthread_create(&threads[i], 0, writer_of_records, arguments[i]) == 0);
    }
    int counts[4] = {0};
    for (int i = 0; i < 8000; i++) {
        char record[3000];
        for (size_t have = 0; have < sizeof record;) {
            long count = read(fds[0], record + have, sizeof record - have);
            CHECK(count > 0);
            have += count;
        }
        for (size_t j = 1; j < sizeof record; j++)
            CHECK(record[j] == record[0]);
        counts[record[0] - 'a']++;
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], 0);
    printf("records: %d %d %d %d\n", counts[0], counts[1], counts[2], counts[3]);
    close(fds[0]);
    close(fds[1]);
}

static void ends(void)
{
    int fds[2];
    CHECK(pipe2(fds, O_NONBLOCK) == 0);
    printf("reader %#x writer %#x\n", ready(fds[0], 0xffff), ready(fds[1], 0xffff));
    CHECK(write(fds[1], "x", 1) == 1);
    close(fds[1]);
    printf("reader %#x\n", ready(fds[0], 0xffff));
    SHOW_VALUE(read(fds[0], buffer, 10));
    SHOW_VALUE(read(fds[0], buffer, 10));
    printf("reader %#x\n", ready(fds[0], 0xffff));
    close(fds[0]);
    signal(SIGPIPE, SIG_IGN);
    CHECK(pipe2(fds, O_NONBLOCK) == 0);
    close(fds[0]);
    printf("writer %#x\n", ready(fds[1], 0xffff));
    SHOW_VALUE(write(fds[1], "x", 1));
    SHOW_VALUE(write(fds[1], "x", 0));
    SHOW_VALUE(write(fds[1], nowhere, 1));
    close(fds[1]);
    CHECK(pipe2(fds, O_NONBLOCK) == 0);
    SHOW_VALUE(write(fds[1], nowhere, 1));
    SHOW_VALUE(read(fds[0], buffer, 1));
    CHECK(write(fds[1], "xyz", 3) == 3);
    SHOW_VALUE(read(fds[0], nowhere, 1));
    SHOW_VALUE(read(fds[0], buffer, 10));
    SHOW_VALUE(read(fds[1], buffer, 1));
    SHOW_VALUE(write(fds[0], buffer, 1));
    SHOW_VALUE(lseek(fds[0], 0, SEEK_SET));
    SHOW_VALUE(pread(fds[0], buffer, 1, 0));
}

static void *blocked_reader(void *argument)
{
    char byte;
    return (void *)read(*(int *)argument, &byte, 1);
}

static void *blocked_writer(void *argument)
{
    return (void *)(write(*(int *)argument, buffer, 200000) == -1 ? (long)errno : 0L);
}

static void closing_ends_waits(void)
{
    int fds[2];
    pthread_t thread;
    void *result;
    CHECK(pipe(fds) == 0);
    pthread_create(&thread, 0, blocked_reader, &fds[0]);
    usleep(20000);
    close(fds[1]);
    pthread_join(thread, &result);
    printf("blocked reader: %ld\n", (long)result);
    CHECK(pipe(fds) == 0);
    CHECK(fcntl(fds[1], F_SETPIPE_SZ, 4096) == 4096);
    CHECK(write(fds[1], buffer, 4096) == 4096);
    pthread_create(&thread, 0, blocked_writer, &fds[1]);
    usleep(20000);
    close(fds[0]);
    pthread_join(thread, &result);
    printf("blocked writer: %s\n", error_name((long)result));
}

int main(void)
{
    capacity();
    resizing();
    packets();
    a_stream_arrives_whole();
    short_writes_stay_whole();
    ends();
    closing_ends_waits();
}
