/* Connections that are idle take little memory of the LibOS, whatever went through them before. */
#include "unix.h"
#include "../enclos.h"
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>

/* As many as a usual hard limit of descriptors allows. */
#define COUNT 2000
#define LIMIT 4096

static void measure(const char *what, struct sockaddr *wanted, socklen_t len)
{
    struct sockaddr_storage storage;
    struct sockaddr *address = (struct sockaddr *)&storage;
    static int ends[COUNT][2];
    int listener = socket(wanted->sa_family, SOCK_STREAM, 0), epoll = epoll_create1(0);
    CHECK(bind(listener, wanted, len) == 0 && listen(listener, 16) == 0);
    len = sizeof storage;
    CHECK(getsockname(listener, address, &len) == 0);
    long before = 0;
    for (int i = 0; i < COUNT; i++) {
        /* Not what is there once. */
        if (i == COUNT / 10)
            before = enclos_heap();
        char buffer[128] = "some bytes";
        ends[i][0] = socket(address->sa_family, SOCK_STREAM, 0);
        CHECK(connect(ends[i][0], address, len) == 0);
        CHECK((ends[i][1] = accept(listener, NULL, NULL)) >= 0);
        struct epoll_event event = {.events = EPOLLIN | EPOLLET};
        CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[i][1], &event) == 0);
        for (int from = 0; from < 2; from++) {
            CHECK(write(ends[i][from], buffer, 100) == 100);
            CHECK(recv(ends[i][!from], buffer, 100, MSG_WAITALL) == 100);
        }
    }
    long each = (enclos_heap() - before) / (COUNT - COUNT / 10);
    printf("%s: %s\n", what, each <= LIMIT ? "little" : "much");
    if (each > LIMIT)
        fprintf(stderr, "%ld bytes each\n", each);
    for (int i = 0; i < COUNT; i++)
        close(ends[i][0]), close(ends[i][1]);
    close(listener), close(epoll);
}

int main(void)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    struct sockaddr_un unix_address = {.sun_family = AF_UNIX};
    measure("Unix", (struct sockaddr *)&unix_address, sizeof(sa_family_t));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    measure("TCP", (struct sockaddr *)&address, sizeof address);
}
