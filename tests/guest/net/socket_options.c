/* Options of Internet sockets that programs set, and those that aren't there. */
#include "net.h"
#include <sys/time.h>

#define TRY_INT(fd, level, name, value)                                                          \
    do {                                                                                         \
        int set_ = (value), got_ = -1;                                                           \
        socklen_t len_ = sizeof got_;                                                            \
        errno = 0;                                                                               \
        int result_ = setsockopt(fd, level, name, &set_, sizeof set_);                           \
        printf("%s %s: %s", #level, #name, result_ ? error_name(errno) : "OK");                  \
        errno = 0;                                                                               \
        result_ = getsockopt(fd, level, name, &got_, &len_);                                     \
        if (result_)                                                                             \
            printf(", %s\n", error_name(errno));                                                 \
        else                                                                                     \
            printf(", %d of length %u\n", got_, len_);                                           \
    } while (0)

static void common(int fd)
{
    TRY_INT(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    TRY_INT(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    TRY_INT(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    TRY_INT(fd, SOL_SOCKET, SO_BROADCAST, 1);
    TRY_INT(fd, SOL_SOCKET, SO_OOBINLINE, 1);
    TRY_INT(fd, SOL_SOCKET, SO_DONTROUTE, 0);
    TRY_INT(fd, SOL_SOCKET, SO_PRIORITY, 3);
    TRY_INT(fd, SOL_SOCKET, SO_SNDBUF, 10000);
    TRY_INT(fd, SOL_SOCKET, SO_RCVBUF, 10000);
    TRY_INT(fd, SOL_SOCKET, SO_RCVLOWAT, 1);
    TRY_INT(fd, SOL_SOCKET, SO_SNDLOWAT, 1);
    TRY_INT(fd, SOL_SOCKET, SO_TIMESTAMP, 1);
    TRY_INT(fd, SOL_SOCKET, SO_TIMESTAMPNS, 0);
    TRY_INT(fd, SOL_SOCKET, SO_NO_CHECK, 0);
    TRY_INT(fd, SOL_SOCKET, SO_TYPE, 1);
    TRY_INT(fd, SOL_SOCKET, SO_DOMAIN, 1);
    TRY_INT(fd, SOL_SOCKET, SO_PROTOCOL, 1);
    TRY_INT(fd, SOL_SOCKET, SO_ERROR, 1);
    TRY_INT(fd, SOL_SOCKET, SO_ACCEPTCONN, 1);
    TRY_INT(fd, SOL_SOCKET, 12345, 1);
    TRY_INT(fd, 12345, 1, 1);
    struct linger linger = {1, 5}, got = {0};
    socklen_t len = sizeof got;
    CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
    CHECK(getsockopt(fd, SOL_SOCKET, SO_LINGER, &got, &len) == 0);
    printf("linger: %d %d of length %u\n", got.l_onoff, got.l_linger, len);
    linger.l_onoff = 0;
    CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
    struct timeval wrong = {0, 1000000};
    SHOW(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wrong, sizeof wrong));
    SHOW(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wrong, 8));
    int on = 1;
    SHOW(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, 3));
    SHOW(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, 400));
    SHOW(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, -1));
    SHOW(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, NULL, sizeof on));
    SHOW(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, (void *)-8, sizeof on));
    len = 2;
    CHECK(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &len) == 0);
    printf("a short value: %u\n", len);
    len = -1;
    SHOW(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &len));
    len = sizeof on;
    SHOW(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, NULL, &len));
    SHOW(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, NULL));
}

int main(void)
{
    int tcp = socket(AF_INET, SOCK_STREAM, 0), tcp6 = socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP);
    int udp = socket(AF_INET, SOCK_DGRAM, 0), udp6 = socket(AF_INET6, SOCK_DGRAM, 0);
    CHECK(tcp >= 0 && tcp6 >= 0 && udp >= 0 && udp6 >= 0);
    common(tcp);
    common(udp6);

    TRY_INT(tcp, IPPROTO_TCP, TCP_NODELAY, 1);
    TRY_INT(tcp, IPPROTO_TCP, TCP_CORK, 1);
    TRY_INT(tcp, IPPROTO_TCP, TCP_KEEPIDLE, 60);
    TRY_INT(tcp, IPPROTO_TCP, TCP_KEEPINTVL, 10);
    TRY_INT(tcp, IPPROTO_TCP, TCP_KEEPCNT, 4);
    TRY_INT(tcp, IPPROTO_TCP, TCP_USER_TIMEOUT, 5000);
    TRY_INT(tcp, IPPROTO_TCP, TCP_DEFER_ACCEPT, 3);
    TRY_INT(tcp, IPPROTO_TCP, TCP_QUICKACK, 1);
    TRY_INT(tcp, IPPROTO_TCP, TCP_LINGER2, 9);
    TRY_INT(tcp, IPPROTO_TCP, TCP_SYNCNT, 3);
    TRY_INT(tcp, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 16384);
    TRY_INT(tcp, IPPROTO_TCP, TCP_FASTOPEN, 5);
    TRY_INT(tcp, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
    TRY_INT(tcp, IPPROTO_TCP, 999, 1);
    TRY_INT(udp, IPPROTO_TCP, TCP_NODELAY, 1);
    TRY_INT(udp, IPPROTO_UDP, UDP_CORK, 1);
    TRY_INT(udp, IPPROTO_UDP, UDP_SEGMENT, 0);
    TRY_INT(udp, IPPROTO_UDP, UDP_GRO, 1);

    TRY_INT(tcp, IPPROTO_IP, IP_TOS, 0x10);
    TRY_INT(tcp, IPPROTO_IP, IP_TTL, 40);
    TRY_INT(tcp, IPPROTO_IP, IP_TTL, 1000);
    TRY_INT(udp, IPPROTO_IP, IP_PKTINFO, 1);
    TRY_INT(udp, IPPROTO_IP, IP_RECVTTL, 1);
    TRY_INT(udp, IPPROTO_IP, IP_RECVERR, 1);
    TRY_INT(udp, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
    TRY_INT(udp, IPPROTO_IP, IP_MULTICAST_TTL, 3);
    TRY_INT(udp, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
    TRY_INT(udp, IPPROTO_IP, IP_MULTICAST_ALL, 0);
    TRY_INT(udp, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    TRY_INT(udp, IPPROTO_IP, IP_MTU, 1);
    TRY_INT(tcp6, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    TRY_INT(tcp6, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 40);
    TRY_INT(tcp6, IPPROTO_IPV6, IPV6_TCLASS, 0x10);
    TRY_INT(udp6, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    TRY_INT(udp6, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
    TRY_INT(udp6, IPPROTO_IPV6, IPV6_RECVERR, 1);
    TRY_INT(udp6, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 3);
    TRY_INT(udp6, IPPROTO_IPV6, IPV6_DONTFRAG, 1);
    TRY_INT(udp, IPPROTO_IPV6, IPV6_V6ONLY, 1);

    char name[16] = "";
    socklen_t len = sizeof name;
    CHECK(getsockopt(tcp, IPPROTO_TCP, TCP_CONGESTION, name, &len) == 0);
    printf("congestion control has a name: %s, length %u\n", name[0] ? "yes" : "no", len);
    SHOW(setsockopt(tcp, IPPROTO_TCP, TCP_CONGESTION, name, strlen(name)));
    SHOW(setsockopt(tcp, IPPROTO_TCP, TCP_CONGESTION, "nonsense", 8));
    struct ip_mreqn group = {.imr_ifindex = 1};
    inet_aton("239.1.2.3", &group.imr_multiaddr);
    SHOW(setsockopt(udp, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group));
    SHOW(setsockopt(udp, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group));
    SHOW(setsockopt(udp, IPPROTO_IP, IP_DROP_MEMBERSHIP, &group, sizeof group));
    SHOW(setsockopt(udp, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, 3));

    int pair[2];
    tcp_pair(AF_INET, pair);
    struct tcp_info info;
    len = sizeof info;
    CHECK(getsockopt(pair[0], IPPROTO_TCP, TCP_INFO, &info, &len) == 0);
    printf("state: %d, enough of it: %s\n", info.tcpi_state, len >= 104 ? "yes" : "no");
    len = 1;
    CHECK(getsockopt(pair[0], IPPROTO_TCP, TCP_INFO, &info, &len) == 0);
    printf("its first byte: %u\n", len);
    int listener = listening(AF_INET, 0), value = 0;
    len = sizeof value;
    CHECK(getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN, &value, &len) == 0);
    printf("listens: %d\n", value);
    /* Two sockets may share a port if both say so. */
    int sharing = socket(AF_INET, SOCK_STREAM, 0);
    struct address taken = name_of(listener);
    SHOW(bind(sharing, raw(&taken), taken.len));
    int on = 1, first = socket(AF_INET, SOCK_STREAM, 0);
    struct address any = loopback(AF_INET, 0);
    CHECK(setsockopt(first, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0);
    CHECK(setsockopt(sharing, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0);
    CHECK(bind(first, raw(&any), any.len) == 0 && listen(first, 4) == 0);
    any = name_of(first);
    SHOW(bind(sharing, raw(&any), any.len));
    SHOW(listen(sharing, 4));
}
