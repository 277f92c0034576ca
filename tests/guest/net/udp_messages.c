// build: -pthread
/* UDP: datagrams, scattered buffers, truncation, control messages, many messages by one call, errors. */
#include "net.h"
#include <linux/errqueue.h>
#include <time.h>

static int one, other;
static struct address to_other;

static void open_two(int family)
{
    one = bound(family, SOCK_DGRAM);
    other = bound(family, SOCK_DGRAM);
    to_other = name_of(other);
}

static void datagrams(void)
{
    char buffer[16];
    struct address from = {.len = sizeof from.storage}, own = name_of(one);
    CHECK(sendto(one, "datagram", 8, 0, raw(&to_other), to_other.len) == 8);
    SHOW_VALUE(recvfrom(other, buffer, sizeof buffer, MSG_PEEK, raw(&from), &from.len));
    CHECK(same_address(&from, &own));
    from.len = 4;
    CHECK(recvfrom(other, buffer, 3, MSG_TRUNC, raw(&from), &from.len) == 8);
    printf("whole length of the sender: %s\n", from.len == own.len ? "yes" : "no");
    /* What wasn't taken of it is gone. */
    CHECK(recv(other, buffer, sizeof buffer, MSG_DONTWAIT) == -1 && errno == EAGAIN);
    CHECK(sendto(one, "", 0, 0, raw(&to_other), to_other.len) == 0);
    SHOW_VALUE(recv(other, buffer, sizeof buffer, 0));
    SHOW(send(one, "x", 1, 0));
    static char large[70000];
    SHOW(sendto(one, large, sizeof large, 0, raw(&to_other), to_other.len));

    CHECK(connect(one, raw(&to_other), to_other.len) == 0);
    CHECK(send(one, "abc", 3, 0) == 3 && write(one, "defg", 4) == 4);
    int waiting = 0;
    CHECK(ioctl(other, FIONREAD, &waiting) == 0);
    printf("the next one's length: %d\n", waiting);
    struct iovec parts[2] = {{buffer, 2}, {buffer + 8, 8}};
    CHECK(readv(other, parts, 2) == 3 && buffer[0] == 'a' && buffer[8] == 'c');
    CHECK(read(other, buffer, sizeof buffer) == 4);
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    CHECK(connect(one, &nobody, sizeof nobody) == 0);
    SHOW(getpeername(one, raw(&from), &from.len));
}

static void messages(int family)
{
    char first[3], second[8], control[128];
    struct iovec out[3] = {{"sca", 3}, {"", 0}, {"ttered", 6}};
    struct msghdr message = {.msg_name = raw(&to_other), .msg_namelen = to_other.len, .msg_iov = out, .msg_iovlen = 3};
    CHECK(sendmsg(one, &message, 0) == 9);
    struct address from = {0}, own = name_of(one);
    struct iovec in[2] = {{first, sizeof first}, {second, 4}};
    message = (struct msghdr){.msg_name = raw(&from), .msg_namelen = sizeof from.storage, .msg_iov = in, .msg_iovlen = 2,
                              .msg_control = control, .msg_controllen = sizeof control, .msg_flags = -1};
    CHECK(recvmsg(other, &message, 0) == 7);
    from.len = message.msg_namelen;
    CHECK(same_address(&from, &own));
    printf("flags: %#x, control: %zu\n", message.msg_flags, message.msg_controllen);

    int on = 1;
    if (family == AF_INET) {
        CHECK(setsockopt(other, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) == 0);
        CHECK(setsockopt(other, IPPROTO_IP, IP_RECVTTL, &on, sizeof on) == 0);
        CHECK(setsockopt(other, IPPROTO_IP, IP_RECVTOS, &on, sizeof on) == 0);
    } else {
        CHECK(setsockopt(other, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on) == 0);
        CHECK(setsockopt(other, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof on) == 0);
        CHECK(setsockopt(other, IPPROTO_IPV6, IPV6_RECVTCLASS, &on, sizeof on) == 0);
    }
    CHECK(setsockopt(other, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof on) == 0);
    /* The sender says by which time to live. */
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } ttl;
    struct iovec part = {"x", 1};
    message = (struct msghdr){.msg_name = raw(&to_other), .msg_namelen = to_other.len, .msg_iov = &part, .msg_iovlen = 1,
                              .msg_control = ttl.bytes, .msg_controllen = sizeof ttl.bytes};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
    header->cmsg_type = family == AF_INET ? IP_TTL : IPV6_HOPLIMIT;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    *(int *)CMSG_DATA(header) = 7;
    CHECK(sendmsg(one, &message, 0) == 1);
    message = (struct msghdr){.msg_iov = in, .msg_iovlen = 2, .msg_control = control, .msg_controllen = sizeof control};
    CHECK(recvmsg(other, &message, 0) == 1);
    for (header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        printf("level %d type %d length %zu", header->cmsg_level, header->cmsg_type, header->cmsg_len);
        if (header->cmsg_type == IP_TTL || header->cmsg_type == IPV6_HOPLIMIT)
            printf(": %d", *(int *)CMSG_DATA(header));
        puts("");
    }
    printf("control: %zu\n", message.msg_controllen);

    /* Control data that there's no room for is cut. */
    CHECK(sendto(one, "x", 1, 0, raw(&to_other), to_other.len) == 1);
    message = (struct msghdr){.msg_iov = in, .msg_iovlen = 2, .msg_control = control, .msg_controllen = 20};
    CHECK(recvmsg(other, &message, 0) == 1);
    printf("flags: %#x, control: %zu\n", message.msg_flags, message.msg_controllen);
}

static void many_at_once(void)
{
    enum { COUNT = 5 };
    char buffers[COUNT][8];
    struct iovec parts[COUNT];
    struct mmsghdr list[COUNT] = {0};
    for (int i = 0; i < COUNT; i++) {
        parts[i] = (struct iovec){buffers[i], i + 1};
        memset(buffers[i], 'a' + i, 8);
        list[i].msg_hdr = (struct msghdr){.msg_name = raw(&to_other), .msg_namelen = to_other.len, .msg_iov = &parts[i],
                                          .msg_iovlen = 1};
    }
    CHECK(sendmmsg(one, list, COUNT, 0) == COUNT);
    printf("sent: %u %u %u\n", list[0].msg_len, list[1].msg_len, list[4].msg_len);
    for (int i = 0; i < COUNT; i++) {
        parts[i].iov_len = 8;
        memset(buffers[i], 0, 8);
        list[i].msg_hdr.msg_name = NULL;
        list[i].msg_hdr.msg_namelen = 0;
    }
    CHECK(recvmmsg(other, list, 2, 0, NULL) == 2);
    CHECK(recvmmsg(other, list + 2, 3, MSG_WAITFORONE, NULL) == 3);
    for (int i = 0; i < COUNT; i++)
        printf("%u: %.8s\n", list[i].msg_len, buffers[i]);
    SHOW(recvmmsg(other, list, COUNT, MSG_DONTWAIT, NULL));
    CHECK(sendto(one, "x", 1, 0, raw(&to_other), to_other.len) == 1);
    CHECK(recvmmsg(other, list, COUNT, MSG_WAITFORONE, NULL) == 1);
    /* The time is looked at after each message, so one arrives. */
    CHECK(sendto(one, "x", 1, 0, raw(&to_other), to_other.len) == 1);
    struct timespec none = {0, 0};
    CHECK(recvmmsg(other, list, COUNT, 0, &none) == 1);
    struct timespec wrong = {0, 1000000000};
    SHOW(recvmmsg(other, list, COUNT, 0, &wrong));
    /* A message that can't be sent ends the list. */
    for (int i = 0; i < COUNT; i++) {
        list[i].msg_hdr.msg_name = i == 3 ? (void *)8 : raw(&to_other);
        list[i].msg_hdr.msg_namelen = to_other.len;
    }
    SHOW_VALUE(sendmmsg(one, list, COUNT, 0));
    SHOW_VALUE(sendmmsg(one, list + 3, 1, 0));
    SHOW_VALUE(sendmmsg(one, list, 0, 0));
    char buffer[16];
    while (recv(other, buffer, sizeof buffer, MSG_DONTWAIT) >= 0) {
    }
}

/* Nobody is there: the host's answer comes back as an error, and with its origin from the error queue. */
static void errors(int family)
{
    int on = 1, gone = bound(family, SOCK_DGRAM);
    struct address nowhere = name_of(gone);
    CHECK(close(gone) == 0);
    int fd = socket(family, SOCK_DGRAM, 0);
    CHECK(connect(fd, raw(&nowhere), nowhere.len) == 0);
    CHECK(setsockopt(fd, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6, family == AF_INET ? IP_RECVERR : IPV6_RECVERR, &on,
                     sizeof on) == 0);
    CHECK(send(fd, "lost", 4, 0) == 4);
    CHECK(ready(fd, POLLIN) & POLLERR);
    char buffer[16];
    SHOW(recv(fd, buffer, sizeof buffer, 0));
    union {
        char bytes[256];
        struct cmsghdr align;
    } control;
    struct address to = {0};
    struct iovec part = {buffer, sizeof buffer};
    struct msghdr message = {.msg_name = raw(&to), .msg_namelen = sizeof to.storage, .msg_iov = &part, .msg_iovlen = 1,
                             .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    CHECK(recvmsg(fd, &message, MSG_ERRQUEUE) == 4);
    printf("flags: %#x\n", message.msg_flags);
    to.len = message.msg_namelen;
    CHECK(to.len == nowhere.len && port_of(&to) == port_of(&nowhere));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    CHECK(header != NULL);
    struct sock_extended_err *error = (struct sock_extended_err *)CMSG_DATA(header);
    printf("level %d type %d: %s of %d\n", header->cmsg_level, header->cmsg_type, error_name(error->ee_errno),
           error->ee_origin);
    SHOW(recvmsg(fd, &message, MSG_ERRQUEUE));
    CHECK(close(fd) == 0);
}

int main(void)
{
    const int families[] = {AF_INET, AF_INET6};
    for (int i = 0; i < 2; i++) {
        open_two(families[i]);
        datagrams();
        messages(families[i]);
        many_at_once();
        errors(families[i]);
        CHECK(close(one) == 0 && close(other) == 0);
    }
}
