// build: -pthread
// option: --net none
/* What the sizes of buffers, SO_RCVLOWAT, SO_LINGER and urgent data do to connections of the loopback. */
#include "net.h"
#include <sys/time.h>

static volatile int urgent_signals;

static void on_urgent(int signal)
{
    (void)signal;
    urgent_signals++;
}

static void set_int(int fd, int level, int name, int value)
{
    CHECK(setsockopt(fd, level, name, &value, sizeof value) == 0);
}

static int get_int(int fd, int name)
{
    int value;
    socklen_t len = sizeof value;
    CHECK(getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0);
    return value;
}

/* How many bytes go in until nothing more does. */
static long fill(int fd)
{
    static char block[1024];
    long total = 0, count;
    while ((count = send(fd, block, sizeof block, MSG_DONTWAIT)) > 0)
        total += count;
    CHECK(errno == EAGAIN);
    return total;
}

static void buffers(int family)
{
    int pair[2], small[2], listener = bound(family, SOCK_STREAM);
    set_int(listener, SOL_SOCKET, SO_RCVBUF, 4096);
    set_int(listener, SOL_SOCKET, SO_KEEPALIVE, 1);
    CHECK(listen(listener, 1) == 0);
    struct address there = name_of(listener);
    small[0] = socket(family, SOCK_STREAM, 0);
    set_int(small[0], SOL_SOCKET, SO_SNDBUF, 4096);
    CHECK(connect(small[0], raw(&there), there.len) == 0);
    small[1] = accept(listener, NULL, NULL);
    tcp_pair(family, pair);
    printf("sizes: %d %d, an accepted one's: %d\n", get_int(small[0], SO_SNDBUF), get_int(listener, SO_RCVBUF),
           get_int(small[1], SO_RCVBUF));
    printf("what a listener is set to, an accepted one is: %d\n", get_int(small[1], SO_KEEPALIVE));
    long less = fill(small[0]), more = fill(pair[0]);
    printf("smaller buffers take less: %d\n", less * 4 < more && less >= 4096);
    set_int(pair[0], SOL_SOCKET, SO_SNDBUF, 100);
    set_int(pair[0], SOL_SOCKET, SO_RCVBUF, 100);
    printf("least: %d %d\n", get_int(pair[0], SO_SNDBUF), get_int(pair[0], SO_RCVBUF));
    close(pair[0]), close(pair[1]), close(small[0]), close(small[1]), close(listener);
}

static void *write_parts(void *arg)
{
    for (int i = 0; i < 5; i++) {
        usleep(10000);
        CHECK(write(*(int *)arg, "ab", 2) == 2);
    }
    return NULL;
}

static void low_water(void)
{
    int pair[2];
    char buffer[64];
    pthread_t thread;
    tcp_pair(AF_INET, pair);
    set_int(pair[1], SOL_SOCKET, SO_RCVLOWAT, 6);
    printf("low: %d\n", get_int(pair[1], SO_RCVLOWAT));
    CHECK(write(pair[0], "abc", 3) == 3);
    struct pollfd entry = {.fd = pair[1], .events = POLLIN};
    usleep(20000);
    printf("too few: %d\n", poll(&entry, 1, 0));
    SHOW_VALUE(recv(pair[1], buffer, sizeof buffer, MSG_DONTWAIT));
    CHECK(pthread_create(&thread, NULL, write_parts, &pair[0]) == 0);
    printf("enough: %d\n", recv(pair[1], buffer, sizeof buffer, 0) >= 6);
    CHECK(pthread_join(thread, NULL) == 0);
    while (recv(pair[1], buffer, sizeof buffer, MSG_DONTWAIT) > 0) {
    }
    CHECK(write(pair[0], "abcdef", 6) == 6);
    CHECK(ready(pair[1], POLLIN) == POLLIN);
    SHOW_VALUE(recv(pair[1], buffer, 3, 0));
    printf("what is left is too little: %d\n", poll(&entry, 1, 0));
    struct timeval timeout = {0, 20000};
    CHECK(setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == 0);
    SHOW_VALUE(recv(pair[1], buffer, sizeof buffer, 0));
    SHOW(recv(pair[1], buffer, sizeof buffer, MSG_PEEK));
    CHECK(write(pair[0], "x", 1) == 1);
    SHOW_VALUE(recv(pair[1], buffer, 4, MSG_WAITALL));
    CHECK(write(pair[0], "yz", 2) == 2 && shutdown(pair[0], SHUT_WR) == 0);
    SHOW_VALUE(recv(pair[1], buffer, sizeof buffer, 0));
    SHOW_VALUE(recv(pair[1], buffer, sizeof buffer, 0));
    close(pair[0]), close(pair[1]);
}

static void show_mark(int fd)
{
    int at, waiting;
    CHECK(ioctl(fd, SIOCATMARK, &at) == 0 && ioctl(fd, FIONREAD, &waiting) == 0);
    printf("at the mark: %d, before it: %d\n", at, waiting);
}

static void receive(int fd, int flags)
{
    char buffer[64];
    struct iovec part = {buffer, sizeof buffer};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    int count = recvmsg(fd, &message, flags | MSG_DONTWAIT);
    if (count < 0)
        printf("received: %s\n", error_name(errno));
    else
        printf("received: %.*s, flags: %#x\n", count, buffer, message.msg_flags & MSG_OOB);
}

static void urgent(void)
{
    int pair[2];
    tcp_pair(AF_INET, pair);
    CHECK(signal(SIGURG, on_urgent) != SIG_ERR && fcntl(pair[1], F_SETOWN, getpid()) == 0);
    receive(pair[1], MSG_OOB);
    CHECK(send(pair[0], "abcU", 4, MSG_OOB) == 4);
    CHECK(ready(pair[1], POLLPRI) == POLLPRI);
    while (!urgent_signals)
        usleep(1000);
    printf("signalled\n");
    CHECK(send(pair[0], "def", 3, 0) == 3);
    usleep(20000);
    show_mark(pair[1]);
    receive(pair[1], MSG_PEEK);
    receive(pair[1], 0);
    show_mark(pair[1]);
    receive(pair[1], MSG_OOB | MSG_PEEK);
    receive(pair[1], MSG_OOB);
    receive(pair[1], MSG_OOB);
    receive(pair[1], 0);
    show_mark(pair[1]);
    /* An urgent byte alone is nothing to be read. */
    CHECK(send(pair[0], "U", 1, MSG_OOB) == 1);
    CHECK(ready(pair[1], POLLPRI | POLLIN) == POLLPRI);
    receive(pair[1], 0);
    /* Among the others. */
    set_int(pair[1], SOL_SOCKET, SO_OOBINLINE, 1);
    CHECK(send(pair[0], "abV", 3, MSG_OOB) == 3 && send(pair[0], "cd", 2, 0) == 2);
    usleep(20000);
    receive(pair[1], MSG_OOB);
    receive(pair[1], 0);
    show_mark(pair[1]);
    receive(pair[1], 0);
    show_mark(pair[1]);
    close(pair[0]), close(pair[1]);
}

/* A listener that is shut listens no longer, and whoever waits for a connection is told. */
static void *shut_later(void *arg)
{
    usleep(30000);
    CHECK(shutdown(*(int *)arg, SHUT_RD) == 0);
    return NULL;
}

static void shut_listener(void)
{
    int listener = listening(AF_INET, 0);
    struct address there = name_of(listener);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, shut_later, &listener) == 0);
    SHOW(accept(listener, NULL, NULL));
    CHECK(pthread_join(thread, NULL) == 0);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(connect(fd, raw(&there), there.len));
    CHECK(listen(listener, 1) == 0);
    there = name_of(listener);
    close(fd);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(connect(fd, raw(&there), there.len));
    CHECK(write(fd, "dropped or not", 14) == 14);
    int other = accept(listener, NULL, NULL);
    usleep(20000);
    SHOW_VALUE(recv(other, NULL, 8, MSG_TRUNC));
    receive(other, 0);
    close(fd), close(other), close(listener);
}

int main(void)
{
    buffers(AF_INET);
    buffers(AF_INET6);
    low_water();
    urgent();
    shut_listener();
}
