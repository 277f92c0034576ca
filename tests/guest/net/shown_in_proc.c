/* What /proc says of the network: limits that servers look at, and sockets of the host. */
#include "net.h"

static void show(const char *path)
{
    char line[256];
    FILE *file = fopen(path, "r");
    printf("%s: %s", path, file && fgets(line, sizeof line, file) ? line : "not there\n");
    if (file)
        fclose(file);
}

/* Whether the table has a listening socket of this port. */
static int lists(const char *path, int port)
{
    char line[512];
    unsigned local, state;
    int found = 0;
    FILE *file = fopen(path, "r");
    CHECK(file);
    while (fgets(line, sizeof line, file))
        found |= sscanf(line, "%*d: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x", &local, &state) == 2 && (int)local == port && state == 10;
    fclose(file);
    return found;
}

int main(void)
{
    show("/proc/sys/net/core/somaxconn");
    show("/proc/sys/net/core/rmem_max");
    show("/proc/sys/net/core/wmem_max");
    show("/proc/sys/net/ipv4/ip_local_port_range");
    show("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    show("/proc/sys/net/ipv4/tcp_rmem");
    show("/proc/sys/net/unix/max_dgram_qlen");
    int fd = listening(AF_INET, 0), fd6 = listening(AF_INET6, 0);
    struct address name = name_of(fd), name6 = name_of(fd6);
    printf("listed: %d %d\n", lists("/proc/net/tcp", port_of(&name)), lists("/proc/net/tcp6", port_of(&name6)));
    CHECK(access("/proc/net/unix", R_OK) == 0 && access("/proc/net/dev", R_OK) == 0);
    CHECK(access("/proc/net/if_inet6", R_OK) == 0 && access("/proc/net/route", R_OK) == 0);
}
