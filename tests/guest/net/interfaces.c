/* The loopback interface, as netlink, getifaddrs, if_nameindex and ioctl show it. */
#include "net.h"
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netdb.h>

static void by_functions(void)
{
    struct ifaddrs *list;
    CHECK(getifaddrs(&list) == 0);
    for (struct ifaddrs *one = list; one; one = one->ifa_next) {
        if (strcmp(one->ifa_name, "lo") != 0 || !one->ifa_addr)
            continue;
        char text[64] = "";
        if (one->ifa_addr->sa_family == AF_INET)
            inet_ntop(AF_INET, &((struct sockaddr_in *)one->ifa_addr)->sin_addr, text, sizeof text);
        printf("lo: family %d %s%s\n", one->ifa_addr->sa_family, text, one->ifa_flags & IFF_LOOPBACK ? ", loopback" : "");
    }
    freeifaddrs(list);
    printf("index of lo: %u\n", if_nametoindex("lo"));
    char name[IF_NAMESIZE];
    CHECK(if_indextoname(1, name) != NULL);
    printf("name of 1: %s\n", name);
    SHOW_VALUE(if_nametoindex("nonsense") ? 1 : -1);
    struct addrinfo hints = {.ai_flags = AI_ADDRCONFIG, .ai_socktype = SOCK_STREAM, .ai_family = AF_INET}, *found;
    CHECK(getaddrinfo("localhost", "80", &hints, &found) == 0);
    printf("localhost: port %d\n", ntohs(((struct sockaddr_in *)found->ai_addr)->sin_port));
    freeaddrinfo(found);
}

static void by_ioctl(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct ifreq request = {.ifr_name = "lo"};
    CHECK(ioctl(fd, SIOCGIFINDEX, &request) == 0);
    printf("index: %d\n", request.ifr_ifindex);
    CHECK(ioctl(fd, SIOCGIFFLAGS, &request) == 0 && request.ifr_flags & IFF_LOOPBACK);
    CHECK(ioctl(fd, SIOCGIFADDR, &request) == 0);
    printf("address: %s\n", inet_ntoa(((struct sockaddr_in *)&request.ifr_addr)->sin_addr));
    CHECK(ioctl(fd, SIOCGIFNETMASK, &request) == 0);
    CHECK(ioctl(fd, SIOCGIFMTU, &request) == 0 && request.ifr_mtu > 0);
    CHECK(ioctl(fd, SIOCGIFHWADDR, &request) == 0);
    struct ifreq list[32];
    struct ifconf configuration = {.ifc_len = sizeof list, .ifc_req = list};
    CHECK(ioctl(fd, SIOCGIFCONF, &configuration) == 0);
    int found = 0;
    for (int i = 0; i < configuration.ifc_len / (int)sizeof list[0]; i++)
        found |= strcmp(list[i].ifr_name, "lo") == 0;
    printf("lo in the list: %d\n", found);
    int len = configuration.ifc_len;
    configuration.ifc_req = NULL;
    CHECK(ioctl(fd, SIOCGIFCONF, &configuration) == 0 && configuration.ifc_len == len);
    configuration = (struct ifconf){.ifc_len = sizeof list[0] + 5, .ifc_req = list};
    CHECK(ioctl(fd, SIOCGIFCONF, &configuration) == 0);
    printf("room for one: %zu\n", configuration.ifc_len / sizeof list[0]);
    strcpy(request.ifr_name, "nonsense");
    SHOW(ioctl(fd, SIOCGIFINDEX, &request));
    SHOW(ioctl(fd, SIOCGIFINDEX, NULL));
    CHECK(close(fd) == 0);
}

static void by_netlink(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    CHECK(fd >= 0);
    struct sockaddr_nl own = {.nl_family = AF_NETLINK};
    CHECK(bind(fd, (struct sockaddr *)&own, sizeof own) == 0);
    socklen_t len = sizeof own;
    CHECK(getsockname(fd, (struct sockaddr *)&own, &len) == 0);
    printf("length of the name: %u, numbered: %s\n", len, own.nl_pid ? "yes" : "no");
    struct {
        struct nlmsghdr header;
        struct rtgenmsg body;
    } request = {{.nlmsg_len = sizeof request, .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP, .nlmsg_seq = 5},
                 {.rtgen_family = AF_UNSPEC}};
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    CHECK(sendto(fd, &request, sizeof request, 0, (struct sockaddr *)&kernel, sizeof kernel) == sizeof request);
    static char buffer[65536];
    int is_over = 0, found = 0;
    while (!is_over) {
        struct iovec part = {buffer, sizeof buffer};
        struct msghdr message = {.msg_name = &kernel, .msg_namelen = sizeof kernel, .msg_iov = &part, .msg_iovlen = 1};
        /* As iproute2 does: the length first. */
        ssize_t whole = recvmsg(fd, &message, MSG_PEEK | MSG_TRUNC), count = recvmsg(fd, &message, 0);
        CHECK(count > 0 && whole == count && message.msg_namelen == sizeof kernel && kernel.nl_pid == 0);
        for (struct nlmsghdr *one = (void *)buffer; NLMSG_OK(one, count); one = NLMSG_NEXT(one, count)) {
            is_over |= one->nlmsg_type == NLMSG_DONE;
            if (one->nlmsg_type == RTM_NEWLINK)
                found |= ((struct ifinfomsg *)NLMSG_DATA(one))->ifi_index == 1;
        }
    }
    printf("the first interface: %d\n", found);
    SHOW(connect(fd, (struct sockaddr *)&kernel, 3));
    SHOW(listen(fd, 1));
    CHECK(close(fd) == 0);
}

int main(void)
{
    by_functions();
    by_ioctl();
    by_netlink();
}
