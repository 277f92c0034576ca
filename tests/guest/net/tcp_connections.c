// build: -pthread
/* TCP over IPv4 and IPv6: connecting, accepting, names, transfers, half-closing, resets, refusals. */
#include "net.h"

static volatile int broken;

static void on_broken(int signal)
{
    (void)signal;
    broken++;
}

static void names_and_transfers(int family)
{
    int listener = listening(family, SOCK_CLOEXEC);
    struct address there = name_of(listener);
    int one = connected_to(listener, 0);
    struct address from = {.len = sizeof from.storage};
    int other = accept4(listener, raw(&from), &from.len, SOCK_CLOEXEC | SOCK_NONBLOCK);
    CHECK(other >= 0);
    printf("length of an address: %u\n", from.len);
    CHECK(fcntl(other, F_GETFD) == FD_CLOEXEC);
    CHECK(fcntl(other, F_GETFL) == (O_RDWR | O_NONBLOCK));
    struct address own = name_of(one);
    CHECK(same_address(&own, &from));
    struct address peer = {.len = sizeof peer.storage};
    CHECK(getpeername(one, raw(&peer), &peer.len) == 0);
    CHECK(same_address(&peer, &there));
    /* A short buffer gets the start of the name, and its whole length. */
    char start[4] = "....";
    socklen_t len = 2;
    CHECK(getsockname(one, (struct sockaddr *)start, &len) == 0);
    printf("whole length: %u, next byte: %c\n", len, start[2]);

    char buffer[64];
    CHECK(read(other, buffer, sizeof buffer) == -1 && errno == EAGAIN);
    CHECK(write(one, "hello", 5) == 5);
    printf("ready: %#x\n", ready(other, POLLIN));
    int waiting = 0;
    CHECK(ioctl(other, FIONREAD, &waiting) == 0);
    printf("waiting: %d\n", waiting);
    CHECK(recv(other, buffer, 2, MSG_PEEK) == 2);
    CHECK(recv(other, buffer, sizeof buffer, 0) == 5 && memcmp(buffer, "hello", 5) == 0);
    CHECK(send(other, "abc", 3, MSG_MORE) == 3);
    struct iovec parts[2] = {{"de", 2}, {"fgh", 3}};
    CHECK(writev(other, parts, 2) == 5);
    CHECK(recv(one, buffer, 8, MSG_WAITALL) == 8 && memcmp(buffer, "abcdefgh", 8) == 0);
    SHOW(sendto(one, "x", 1, 0, raw(&there), there.len));
    CHECK(ready(other, POLLIN) == POLLIN);
    /* Bytes of a stream have no sender. */
    from.len = sizeof from.storage;
    CHECK(recvfrom(other, buffer, 8, 0, raw(&from), &from.len) == 1);
    printf("length of a stream's sender: %u\n", from.len);
    SHOW(lseek(one, 0, SEEK_SET));
    SHOW(pread(one, buffer, 1, 0));

    CHECK(shutdown(one, SHUT_WR) == 0);
    SHOW(send(one, "x", 1, MSG_NOSIGNAL));
    CHECK((ready(other, POLLIN | POLLRDHUP) & (POLLIN | POLLRDHUP)) == (POLLIN | POLLRDHUP));
    SHOW_VALUE(read(other, buffer, sizeof buffer));
    CHECK(write(other, "last", 4) == 4);
    CHECK(read(one, buffer, sizeof buffer) == 4);
    CHECK(close(other) == 0);
    SHOW_VALUE(read(one, buffer, sizeof buffer));
    CHECK(close(one) == 0);
    SHOW(shutdown(listener, 7));
    CHECK(close(listener) == 0);
}

static void resets(int family)
{
    int pair[2];
    char buffer[8];
    tcp_pair(family, pair);
    struct linger now = {1, 0};
    CHECK(setsockopt(pair[1], SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
    CHECK(close(pair[1]) == 0);
    int events = ready(pair[0], POLLIN);
    printf("after a reset: %s%s\n", events & POLLERR ? "error " : "", events & POLLHUP ? "hang-up" : "");
    SHOW(read(pair[0], buffer, sizeof buffer));
    SHOW_VALUE(read(pair[0], buffer, sizeof buffer));
    broken = 0;
    SHOW(write(pair[0], "x", 1));
    printf("signals: %d\n", broken);
    SHOW(send(pair[0], "x", 1, MSG_NOSIGNAL));
    struct iovec part = {"x", 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    SHOW(sendmsg(pair[0], &message, MSG_NOSIGNAL));
    printf("signals: %d\n", broken);
    SHOW(sendmsg(pair[0], &message, 0));
    printf("signals: %d\n", broken);
    CHECK(close(pair[0]) == 0);

    /* What a connection left unread resets it. */
    tcp_pair(family, pair);
    CHECK(write(pair[0], "unread", 6) == 6);
    CHECK(ready(pair[1], POLLIN) == POLLIN);
    CHECK(close(pair[1]) == 0);
    ready(pair[0], POLLIN);
    SHOW(read(pair[0], buffer, sizeof buffer));
    CHECK(close(pair[0]) == 0);

    /* A listener that goes resets what it hasn't accepted. */
    int listener = listening(family, 0);
    int one = connected_to(listener, 0);
    CHECK(close(listener) == 0);
    ready(one, POLLIN);
    SHOW(read(one, buffer, sizeof buffer));
    CHECK(close(one) == 0);
}

static void refusals(int family)
{
    int listener = listening(family, 0);
    struct address there = name_of(listener);
    CHECK(close(listener) == 0);
    int one = socket(family, SOCK_STREAM, 0);
    SHOW(connect(one, raw(&there), there.len));
    CHECK(close(one) == 0);

    one = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    SHOW(connect(one, raw(&there), there.len));
    CHECK(ready(one, POLLOUT) & POLLERR);
    int error = 0;
    socklen_t len = sizeof error;
    CHECK(getsockopt(one, SOL_SOCKET, SO_ERROR, &error, &len) == 0);
    printf("pending: %s\n", error_name(error));
    CHECK(getsockopt(one, SOL_SOCKET, SO_ERROR, &error, &len) == 0);
    printf("then: %s\n", error_name(error));
    CHECK(close(one) == 0);

    one = socket(family, SOCK_STREAM, 0);
    char buffer[4];
    SHOW(read(one, buffer, 4));
    SHOW(send(one, "x", 1, MSG_NOSIGNAL));
    SHOW(getpeername(one, raw(&there), &there.len));
    SHOW(shutdown(one, SHUT_RD));
    SHOW(accept(one, NULL, NULL));
    printf("unconnected: %#x\n", ready(one, POLLIN | POLLOUT));
    CHECK(close(one) == 0);
}

static void nonblocking(int family)
{
    int listener = listening(family, SOCK_NONBLOCK);
    SHOW(accept(listener, NULL, NULL));
    struct address there = name_of(listener);
    int one = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    SHOW(connect(one, raw(&there), there.len));
    CHECK(ready(one, POLLOUT) == POLLOUT);
    int error = -1;
    socklen_t len = sizeof error;
    CHECK(getsockopt(one, SOL_SOCKET, SO_ERROR, &error, &len) == 0);
    printf("connected: %d\n", error);
    SHOW(connect(one, raw(&there), there.len));
    SHOW(connect(one, raw(&there), there.len));
    CHECK(ready(listener, POLLIN) == POLLIN);
    int other = accept(listener, NULL, NULL);
    /* Linux doesn't hand the listener's flags on. */
    printf("flags of what was accepted: %#x\n", fcntl(other, F_GETFL));
    static char block[1 << 16];
    long total = 0, count;
    while ((count = write(one, block, sizeof block)) > 0)
        total += count;
    printf("full: %s\n", error_name(errno));
    int queued = 0;
    CHECK(ioctl(one, TIOCOUTQ, &queued) == 0 && queued > 0);
    while (total > 0 && (count = read(other, block, sizeof block)) > 0)
        total -= count;
    printf("left: %ld\n", total);
    CHECK(ready(one, POLLOUT) == POLLOUT);
    int off = 0;
    CHECK(ioctl(one, FIONBIO, &off) == 0);
    CHECK(fcntl(one, F_GETFL) == O_RDWR);
    CHECK(recv(one, block, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
    CHECK(close(one) == 0 && close(other) == 0 && close(listener) == 0);
}

static void *send_much(void *arg)
{
    static char block[1 << 20];
    for (int i = 0; i < 32; i++)
        CHECK(write(*(int *)arg, block, sizeof block) == sizeof block);
    CHECK(shutdown(*(int *)arg, SHUT_WR) == 0);
    return NULL;
}

static void throughput(int family)
{
    int pair[2];
    tcp_pair(family, pair);
    pthread_t sender;
    CHECK(pthread_create(&sender, NULL, send_much, &pair[0]) == 0);
    static char block[1 << 18];
    long total = 0, count;
    while ((count = read(pair[1], block, sizeof block)) > 0)
        total += count;
    printf("total: %ld\n", total);
    CHECK(pthread_join(sender, NULL) == 0);
    CHECK(close(pair[0]) == 0 && close(pair[1]) == 0);
}

static void urgent(int family)
{
    int pair[2];
    char byte;
    tcp_pair(family, pair);
    CHECK(send(pair[0], "ab", 2, 0) == 2);
    CHECK(send(pair[0], "!", 1, MSG_OOB) == 1);
    CHECK(ready(pair[1], POLLPRI) == POLLPRI);
    CHECK(recv(pair[1], &byte, 1, MSG_OOB) == 1 && byte == '!');
    SHOW(recv(pair[1], &byte, 1, MSG_OOB));
    int at_mark = -1;
    CHECK(ioctl(pair[1], SIOCATMARK, &at_mark) == 0);
    printf("at the mark: %d\n", at_mark);
    CHECK(read(pair[1], &byte, 1) == 1 && read(pair[1], &byte, 1) == 1);
    CHECK(ioctl(pair[1], SIOCATMARK, &at_mark) == 0);
    printf("at the mark: %d\n", at_mark);
    CHECK(close(pair[0]) == 0 && close(pair[1]) == 0);
}

int main(void)
{
    const int families[] = {AF_INET, AF_INET6};
    signal(SIGPIPE, on_broken);
    for (int i = 0; i < 2; i++) {
        names_and_transfers(families[i]);
        resets(families[i]);
        refusals(families[i]);
        nonblocking(families[i]);
        throughput(families[i]);
        urgent(families[i]);
    }
}
