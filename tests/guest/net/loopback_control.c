// option: --net none
/* Control messages of datagrams on the loopback: what senders say, what receivers learn, and what is malformed. */
#include "net.h"
#include <time.h>

static void set_int(int fd, int level, int name, int value)
{
    CHECK(setsockopt(fd, level, name, &value, sizeof value) == 0);
}

static void show_control(struct msghdr *message)
{
    for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(message); cmsg; cmsg = CMSG_NXTHDR(message, cmsg)) {
        size_t len = cmsg->cmsg_len - CMSG_LEN(0);
        printf("  level %d, type %d, length %zu:", cmsg->cmsg_level, cmsg->cmsg_type, len);
        /* Times and ports differ from run to run. */
        size_t shown = cmsg->cmsg_level == SOL_SOCKET ? 0 : len;
        for (size_t i = 0; i < shown; i++)
            if (cmsg->cmsg_type != IP_ORIGDSTADDR || i < 2 || i > 3)
                printf(" %02x", CMSG_DATA(cmsg)[i]);
        printf("\n");
    }
    printf("  flags: %#x\n", message->msg_flags);
}

static void receive(int fd, size_t room)
{
    char buffer[16], control[512];
    struct address from = {0};
    struct iovec part = {buffer, sizeof buffer};
    struct msghdr message = {.msg_name = raw(&from), .msg_namelen = sizeof from.storage, .msg_iov = &part,
                             .msg_iovlen = 1, .msg_control = control, .msg_controllen = room};
    CHECK(recvmsg(fd, &message, 0) == 1);
    char text[64];
    void *ip = from.storage.ss_family == AF_INET ? (void *)&((struct sockaddr_in *)&from.storage)->sin_addr
                                                 : (void *)&((struct sockaddr_in6 *)&from.storage)->sin6_addr;
    printf("from %s\n", inet_ntop(from.storage.ss_family, ip, text, sizeof text));
    show_control(&message);
}

static int send_with(int fd, struct address *to, int level, int type, const void *data, size_t len)
{
    union {
        char bytes[256];
        struct cmsghdr align;
    } control = {0};
    struct iovec part = {"x", 1};
    struct msghdr message = {.msg_name = raw(to), .msg_namelen = to->len, .msg_iov = &part, .msg_iovlen = 1,
                             .msg_control = &control, .msg_controllen = CMSG_SPACE(len)};
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(&message);
    *cmsg = (struct cmsghdr){.cmsg_len = CMSG_LEN(len), .cmsg_level = level, .cmsg_type = type};
    memcpy(CMSG_DATA(cmsg), data, len);
    return sendmsg(fd, &message, 0);
}

static void v4(void)
{
    int one = socket(AF_INET, SOCK_DGRAM, 0), other = bound(AF_INET, SOCK_DGRAM), ttl = 7, tos = 8, none = 0;
    struct address to = name_of(other);
    set_int(other, IPPROTO_IP, IP_PKTINFO, 1);
    set_int(other, IPPROTO_IP, IP_RECVTTL, 1);
    set_int(other, IPPROTO_IP, IP_RECVTOS, 1);
    set_int(other, IPPROTO_IP, IP_RECVORIGDSTADDR, 1);
    set_int(other, SOL_SOCKET, SO_TIMESTAMP, 1);
    CHECK(sendto(one, "x", 1, 0, raw(&to), to.len) == 1);
    receive(other, 512);
    CHECK(sendto(one, "x", 1, 0, raw(&to), to.len) == 1);
    receive(other, CMSG_SPACE(16) + CMSG_LEN(4));
    CHECK(send_with(one, &to, IPPROTO_IP, IP_TTL, &ttl, sizeof ttl) == 1);
    receive(other, 512);
    CHECK(send_with(one, &to, IPPROTO_IP, IP_TOS, &tos, sizeof tos) == 1);
    receive(other, 512);
    set_int(one, IPPROTO_IP, IP_TTL, 33);
    set_int(other, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl(0x7f000005)};
    CHECK(send_with(one, &to, IPPROTO_IP, IP_PKTINFO, &info, sizeof info) == 1);
    receive(other, 512);
    SHOW(send_with(one, &to, IPPROTO_IP, IP_TTL, &none, sizeof none));
    SHOW(send_with(one, &to, IPPROTO_IP, IP_TTL, &ttl, 2));
    SHOW(send_with(one, &to, IPPROTO_IP, IP_PKTINFO, &info, 4));
    SHOW(send_with(one, &to, IPPROTO_IP, 99, &ttl, sizeof ttl));
    SHOW(send_with(one, &to, SOL_SOCKET, 99, &ttl, sizeof ttl));
    SHOW(send_with(one, &to, IPPROTO_IPV6, IPV6_HOPLIMIT, &ttl, sizeof ttl));
    receive(other, 512);
    /* A length that goes beyond the end, and one that is less than a header. */
    struct iovec part = {"x", 1};
    struct cmsghdr wrong = {.cmsg_len = 1000, .cmsg_level = IPPROTO_IP, .cmsg_type = IP_TTL};
    struct msghdr message = {.msg_name = raw(&to), .msg_namelen = to.len, .msg_iov = &part, .msg_iovlen = 1,
                             .msg_control = &wrong, .msg_controllen = sizeof wrong};
    SHOW(sendmsg(one, &message, 0));
    wrong.cmsg_len = 3;
    SHOW(sendmsg(one, &message, 0));
    message.msg_control = (void *)8;
    SHOW(sendmsg(one, &message, 0));
    message.msg_controllen = ~0UL;
    SHOW(sendmsg(one, &message, 0));
    close(one), close(other);
}

static void v6(void)
{
    int one = socket(AF_INET6, SOCK_DGRAM, 0), other = bound(AF_INET6, SOCK_DGRAM), hops = 9, own = -1, wrong = 256;
    struct address to = name_of(other);
    set_int(other, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    set_int(other, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
    set_int(other, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
    CHECK(sendto(one, "x", 1, 0, raw(&to), to.len) == 1);
    receive(other, 512);
    CHECK(send_with(one, &to, IPPROTO_IPV6, IPV6_HOPLIMIT, &hops, sizeof hops) == 1);
    receive(other, 512);
    CHECK(send_with(one, &to, IPPROTO_IPV6, IPV6_HOPLIMIT, &own, sizeof own) == 1);
    receive(other, 512);
    SHOW(send_with(one, &to, IPPROTO_IPV6, IPV6_HOPLIMIT, &wrong, sizeof wrong));
    SHOW(send_with(one, &to, IPPROTO_IPV6, IPV6_PKTINFO, &hops, sizeof hops));
    close(one), close(other);
}

/* A stream has none, whatever is asked. */
static void stream(void)
{
    int pair[2], ttl = 7;
    tcp_pair(AF_INET, pair);
    struct address nobody = {0};
    SHOW(send_with(pair[0], &nobody, IPPROTO_IP, IP_TTL, &ttl, sizeof ttl));
    SHOW(send_with(pair[0], &nobody, SOL_SOCKET, 99, &ttl, sizeof ttl));
    SHOW(send_with(pair[0], &nobody, SOL_SOCKET, SCM_RIGHTS, &ttl, sizeof ttl));
    close(pair[0]), close(pair[1]);
}

int main(void)
{
    v4();
    v6();
    stream();
}
