/* Nonsense: addresses, descriptors, message headers, control data. */
#include "net.h"
#include <sys/epoll.h>
#include <sys/un.h>

static void sockets_that_are_not_there(void)
{
    SHOW(socket(AF_INET, SOCK_SEQPACKET, 0));
    SHOW(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
    SHOW(socket(AF_INET, SOCK_DGRAM, IPPROTO_TCP));
    SHOW(socket(AF_INET, 15, 0));
    SHOW(socket(AF_INET, SOCK_STREAM | 0x100000, 0));
    SHOW(socket(AF_INET, SOCK_STREAM, -1));
    SHOW(socket(AF_INET, SOCK_STREAM, 1000));
    SHOW(socket(AF_INET6, SOCK_RAW, 0));
    SHOW(socket(12345, SOCK_STREAM, 0));
    SHOW(socket(-1, SOCK_STREAM, 0));
    SHOW(socketpair(AF_INET, SOCK_STREAM, 0, (int[2]){0}));
}

static void addresses(int family)
{
    int fd = socket(family, SOCK_STREAM, 0), udp = socket(family, SOCK_DGRAM, 0);
    struct address there = loopback(family, 9), wrong = there;
    wrong.storage.ss_family = 77;
    SHOW(bind(fd, raw(&there), 0));
    SHOW(bind(fd, raw(&there), 1));
    SHOW(bind(fd, raw(&there), there.len - 5));
    SHOW(bind(fd, raw(&there), 129));
    SHOW(bind(fd, raw(&there), -1));
    SHOW(bind(fd, NULL, there.len));
    SHOW(bind(fd, (void *)-16, there.len));
    SHOW(bind(fd, raw(&wrong), wrong.len));
    SHOW(connect(fd, raw(&there), 0));
    SHOW(connect(fd, raw(&there), 1));
    SHOW(connect(fd, raw(&there), there.len - 5));
    SHOW(connect(fd, raw(&there), 129));
    SHOW(connect(fd, NULL, there.len));
    SHOW(connect(fd, raw(&wrong), wrong.len));
    SHOW(sendto(udp, "x", 1, 0, raw(&there), 3));
    SHOW(sendto(udp, "x", 1, 0, raw(&there), -1));
    SHOW(sendto(udp, "x", 1, 0, raw(&there), 129));
    SHOW(sendto(udp, "x", 1, 0, raw(&wrong), wrong.len));
    SHOW(sendto(udp, "x", 1, 0, (void *)-16, there.len));
    SHOW(sendto(udp, (void *)-16, 1, 0, raw(&there), there.len));
    SHOW(sendto(udp, (void *)8, 1, 0, raw(&there), there.len));
    struct sockaddr_un path = {.sun_family = AF_UNIX, .sun_path = "/nowhere"};
    SHOW(connect(fd, (struct sockaddr *)&path, sizeof path));
    SHOW(bind(fd, (struct sockaddr *)&path, sizeof path));
    struct address elsewhere = there;
    if (family == AF_INET)
        inet_aton("192.0.2.7", &((struct sockaddr_in *)&elsewhere.storage)->sin_addr);
    else
        inet_pton(AF_INET6, "2001:db8::7", &((struct sockaddr_in6 *)&elsewhere.storage)->sin6_addr);
    SHOW(bind(fd, raw(&elsewhere), elsewhere.len));
    CHECK(close(fd) == 0 && close(udp) == 0);

    int listener = listening(family, 0), one = connected_to(listener, 0);
    there = name_of(listener);
    SHOW(bind(listener, raw(&there), there.len));
    socklen_t len = -1;
    SHOW(getsockname(listener, raw(&there), &len));
    SHOW(getsockname(listener, raw(&there), NULL));
    len = there.len;
    SHOW(getsockname(listener, NULL, &len));
    SHOW(accept4(listener, NULL, NULL, 0x40));
    /* The connection is gone when the address can't be written. */
    SHOW(accept(listener, (void *)8, &len));
    CHECK(close(listener) == 0 && close(one) == 0);
}

static void descriptors(void)
{
    struct address there = loopback(AF_INET, 9);
    socklen_t len = sizeof there.storage;
    int on = 1, file = open("/dev/null", O_RDWR), path = open("/", O_PATH);
    char byte;
    struct msghdr message = {0};
    const int wrong[] = {-1, 999, file, path};
    for (int i = 0; i < 4; i++) {
        int fd = wrong[i];
        SHOW(bind(fd, raw(&there), there.len));
        SHOW(connect(fd, raw(&there), there.len));
        SHOW(listen(fd, 1));
        SHOW(accept(fd, NULL, NULL));
        SHOW(send(fd, "x", 1, 0));
        SHOW(recv(fd, &byte, 1, 0));
        SHOW(sendmsg(fd, &message, 0));
        SHOW(recvmsg(fd, &message, 0));
        SHOW(getsockname(fd, raw(&there), &len));
        SHOW(getpeername(fd, raw(&there), &len));
        SHOW(getsockopt(fd, SOL_SOCKET, SO_TYPE, &on, &len));
        SHOW(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on));
        SHOW(shutdown(fd, SHUT_RD));
    }
}

static void headers(void)
{
    int one = bound(AF_INET, SOCK_DGRAM), other = bound(AF_INET, SOCK_DGRAM);
    struct address there = name_of(other);
    CHECK(connect(one, raw(&there), there.len) == 0);
    char byte = 'x';
    struct iovec part = {&byte, 1};
    struct msghdr good = {.msg_iov = &part, .msg_iovlen = 1}, bad;
    SHOW(sendmsg(one, NULL, 0));
    SHOW(sendmsg(one, (void *)-8, 0));
    SHOW(recvmsg(other, NULL, MSG_DONTWAIT));
    bad = good, bad.msg_iovlen = 1025;
    SHOW(sendmsg(one, &bad, 0));
    bad = good, bad.msg_iovlen = -1;
    SHOW(sendmsg(one, &bad, 0));
    SHOW(recvmsg(other, &bad, MSG_DONTWAIT));
    bad = good, bad.msg_iov = NULL;
    SHOW(sendmsg(one, &bad, 0));
    struct iovec negative = {&byte, -1};
    bad = good, bad.msg_iov = &negative;
    SHOW(sendmsg(one, &bad, 0));
    bad = good, bad.msg_name = raw(&there), bad.msg_namelen = -1;
    SHOW(sendmsg(one, &bad, 0));
    SHOW(recvmsg(other, &bad, MSG_DONTWAIT));
    bad = good, bad.msg_name = (void *)8, bad.msg_namelen = 16;
    SHOW(sendmsg(one, &bad, 0));
    bad = good, bad.msg_name = NULL, bad.msg_namelen = 16;
    SHOW(sendmsg(one, &bad, 0));
    /* An address longer than the longest is cut here, but not by sendto. */
    bad = good, bad.msg_name = raw(&there), bad.msg_namelen = 4000;
    SHOW(sendmsg(one, &bad, 0));

    union {
        char bytes[64];
        struct cmsghdr header;
    } control = {0};
    bad = good, bad.msg_control = &control, bad.msg_controllen = sizeof control;
    SHOW(sendmsg(one, &bad, 0));
    const size_t lengths[] = {1, 15, 16, 65, 1ul << 32, -1ul};
    for (int i = 0; i < 6; i++) {
        control.header = (struct cmsghdr){.cmsg_len = lengths[i], .cmsg_level = IPPROTO_IP, .cmsg_type = IP_TTL};
        SHOW(sendmsg(one, &bad, 0));
    }
    control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(4), .cmsg_level = IPPROTO_IP, .cmsg_type = 99};
    SHOW(sendmsg(one, &bad, 0));
    bad.msg_controllen = 3;
    SHOW(sendmsg(one, &bad, 0));
    bad.msg_controllen = -1;
    SHOW(sendmsg(one, &bad, 0));
    bad.msg_controllen = 1ul << 31;
    SHOW(sendmsg(one, &bad, 0));
    bad.msg_control = (void *)8, bad.msg_controllen = 24;
    SHOW(sendmsg(one, &bad, 0));
    SHOW(recv(other, (void *)8, 1, MSG_DONTWAIT));
    while (recv(other, &byte, 1, MSG_DONTWAIT) >= 0) {
    }
    SHOW(recv(other, (void *)-8, 1, MSG_DONTWAIT));
    SHOW(sendmmsg(one, (void *)8, 1, 0));
    SHOW(recvmmsg(other, (void *)8, 1, MSG_DONTWAIT, NULL));
    SHOW(recv(one, &byte, 1, MSG_ERRQUEUE));
    SHOW(send(one, &byte, 1, MSG_OOB));
    SHOW(listen(one, 1));
    SHOW(accept(one, NULL, NULL));
    SHOW(ioctl(one, FIONREAD, NULL));
    SHOW(ioctl(one, 0xdeadbeef, NULL));
    SHOW(fsync(one));
    SHOW(ftruncate(one, 1));
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    sockets_that_are_not_there();
    addresses(AF_INET);
    addresses(AF_INET6);
    descriptors();
    headers();
}
