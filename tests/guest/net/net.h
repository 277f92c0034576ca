/* What the tests of Internet sockets share: listeners and connections on the loopback, for both families. */
#pragma once
#define _GNU_SOURCE
#include "../check.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

struct address {
    struct sockaddr_storage storage;
    socklen_t len;
};

static inline struct sockaddr *raw(struct address *address)
{
    return (struct sockaddr *)&address->storage;
}

/* The loopback's address with this port. */
static inline struct address loopback(int family, int port)
{
    struct address address = {0};
    if (family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)&address.storage;
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.len = sizeof *in;
    } else {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address.storage;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        in6->sin6_addr = in6addr_loopback;
        address.len = sizeof *in6;
    }
    return address;
}

static inline struct address name_of(int fd)
{
    struct address address = {.len = sizeof address.storage};
    CHECK(getsockname(fd, raw(&address), &address.len) == 0);
    return address;
}

static inline int port_of(struct address *address)
{
    return ntohs(((struct sockaddr_in *)&address->storage)->sin_port);
}

static inline int same_address(struct address *a, struct address *b)
{
    return a->len == b->len && memcmp(&a->storage, &b->storage, a->len) == 0;
}

/* A socket bound to a port that is free. */
static inline int bound(int family, int type)
{
    int fd = socket(family, type, 0);
    CHECK(fd >= 0);
    struct address any = loopback(family, 0);
    CHECK(bind(fd, raw(&any), any.len) == 0);
    return fd;
}

static inline int listening(int family, int flags)
{
    int fd = bound(family, SOCK_STREAM | flags);
    CHECK(listen(fd, 16) == 0);
    return fd;
}

static inline int connected_to(int listener, int flags)
{
    struct address to = name_of(listener);
    int fd = socket(to.storage.ss_family, SOCK_STREAM | flags, 0);
    CHECK(fd >= 0);
    CHECK(connect(fd, raw(&to), to.len) == 0 || (errno == EINPROGRESS && flags & SOCK_NONBLOCK));
    return fd;
}

/* Two ends of a TCP connection. */
static inline void tcp_pair(int family, int pair[2])
{
    int listener = listening(family, 0);
    pair[0] = connected_to(listener, 0);
    pair[1] = accept(listener, NULL, NULL);
    CHECK(pair[1] >= 0);
    CHECK(close(listener) == 0);
}

/* Waits until the socket is ready for something of `events`, for ten seconds; gives what it is ready for. */
static inline int ready(int fd, int events)
{
    struct pollfd entry = {.fd = fd, .events = events};
    int count = poll(&entry, 1, 10000);
    CHECK(count >= 0);
    return entry.revents;
}
