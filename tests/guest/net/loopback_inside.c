// build: -pthread
// option: --net none
/* TCP and UDP on the loopback, which the LibOS carries by itself here: connections, names, sharing of ports, waiting. */
#include "net.h"
#include <net/if.h>
#include <sys/time.h>

static volatile int handled;

static void on_signal(int signal)
{
    (void)signal;
    handled++;
}

static void transfers(int family)
{
    int listener = listening(family, SOCK_CLOEXEC);
    struct address there = name_of(listener), from = {.len = sizeof from.storage}, own, peer = {.len = sizeof peer.storage};
    CHECK(port_of(&there) > 0);
    int one = connected_to(listener, 0), other = accept4(listener, raw(&from), &from.len, SOCK_NONBLOCK);
    own = name_of(one);
    CHECK(same_address(&own, &from));
    CHECK(getpeername(one, raw(&peer), &peer.len) == 0 && same_address(&peer, &there));
    own = name_of(other);
    CHECK(same_address(&own, &there));
    printf("flags: %#x\n", fcntl(other, F_GETFL));
    char buffer[64];
    CHECK(read(other, buffer, sizeof buffer) == -1 && errno == EAGAIN);
    struct iovec parts[2] = {{"he", 2}, {"llo", 3}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    CHECK(sendmsg(one, &message, 0) == 5);
    printf("ready: %#x\n", ready(other, POLLIN));
    int waiting;
    CHECK(ioctl(other, FIONREAD, &waiting) == 0);
    printf("waiting: %d\n", waiting);
    CHECK(recv(other, buffer, 2, MSG_PEEK) == 2 && recv(other, buffer, 5, MSG_WAITALL) == 5);
    CHECK(memcmp(buffer, "hello", 5) == 0);
    CHECK(shutdown(one, SHUT_WR) == 0);
    SHOW_VALUE(read(other, buffer, 1));
    CHECK(write(other, "back", 4) == 4 && read(one, buffer, 64) == 4);
    SHOW(send(one, "x", 1, MSG_NOSIGNAL));
    CHECK(close(other) == 0);
    SHOW_VALUE(read(one, buffer, 1));
    CHECK(close(one) == 0 && close(listener) == 0);
    one = socket(family, SOCK_STREAM, 0);
    SHOW(connect(one, raw(&there), there.len));
    SHOW(read(one, buffer, 1));
    SHOW(listen(one, 1));
    CHECK(close(one) == 0);
    one = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    SHOW(connect(one, raw(&there), there.len));
    CHECK(ready(one, POLLOUT) & POLLERR);
    int error;
    socklen_t len = sizeof error;
    CHECK(getsockopt(one, SOL_SOCKET, SO_ERROR, &error, &len) == 0);
    printf("pending: %s\n", error_name(error));
    CHECK(close(one) == 0);
    listener = listening(family, SOCK_NONBLOCK);
    SHOW(accept(listener, NULL, NULL));
    there = name_of(listener);
    one = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    SHOW(connect(one, raw(&there), there.len));
    CHECK(ready(one, POLLOUT) == POLLOUT);
    SHOW(connect(one, raw(&there), there.len));
    SHOW(connect(one, raw(&there), there.len));
    CHECK(close(listener) == 0);
    ready(one, POLLIN);
    SHOW(read(one, buffer, 1));
    CHECK(close(one) == 0);
}

static void resets(void)
{
    int pair[2];
    char byte;
    struct linger now = {1, 0};
    tcp_pair(AF_INET, pair);
    CHECK(setsockopt(pair[1], SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
    CHECK(close(pair[1]) == 0);
    CHECK(ready(pair[0], POLLIN) & POLLIN);
    SHOW(read(pair[0], &byte, 1));
    SHOW_VALUE(read(pair[0], &byte, 1));
    handled = 0;
    SHOW(write(pair[0], "x", 1));
    printf("signals: %d\n", handled);
    CHECK(close(pair[0]) == 0);
}

static void ports(void)
{
    int v4 = bound(AF_INET, SOCK_STREAM), on = 1;
    struct address taken = name_of(v4), any = taken, v6any = {0};
    ((struct sockaddr_in *)&any.storage)->sin_addr.s_addr = 0;
    v6any = loopback(AF_INET6, port_of(&taken));
    ((struct sockaddr_in6 *)&v6any.storage)->sin6_addr = in6addr_any;
    int fd = socket(AF_INET, SOCK_STREAM, 0), fd6 = socket(AF_INET6, SOCK_STREAM, 0);
    SHOW(bind(fd, raw(&taken), taken.len));
    SHOW(bind(fd, raw(&any), any.len));
    SHOW(bind(fd6, raw(&v6any), v6any.len));
    CHECK(setsockopt(fd6, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0);
    SHOW(bind(fd6, raw(&v6any), v6any.len));
    SHOW(bind(v4, raw(&any), any.len));
    struct address elsewhere = loopback(AF_INET, 0);
    inet_aton("127.1.2.3", &((struct sockaddr_in *)&elsewhere.storage)->sin_addr);
    SHOW(bind(fd, raw(&elsewhere), elsewhere.len));
    inet_aton("192.0.2.9", &((struct sockaddr_in *)&elsewhere.storage)->sin_addr);
    close(fd);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(bind(fd, raw(&elsewhere), elsewhere.len));
    SHOW(bind(fd, raw(&taken), 3));
    SHOW(connect(fd, raw(&taken), 3));
    close(fd);
    close(fd6);
    CHECK(listen(v4, 1) == 0);
    close(v4);
    /* The port is free again. */
    fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
    SHOW(bind(fd, raw(&taken), taken.len));
    close(fd);
    /* A socket of IPv6 takes connections of IPv4. */
    fd6 = socket(AF_INET6, SOCK_STREAM, 0);
    v6any = loopback(AF_INET6, 0);
    ((struct sockaddr_in6 *)&v6any.storage)->sin6_addr = in6addr_any;
    CHECK(bind(fd6, raw(&v6any), v6any.len) == 0 && listen(fd6, 1) == 0);
    v6any = name_of(fd6);
    taken = loopback(AF_INET, port_of(&v6any));
    fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(fd, raw(&taken), taken.len) == 0);
    struct address from = {.len = sizeof from.storage};
    int other = accept(fd6, raw(&from), &from.len);
    char text[64];
    printf("from %s\n", inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&from.storage)->sin6_addr, text, sizeof text));
    close(other), close(fd), close(fd6);
}

static void datagrams(int family)
{
    int one = bound(family, SOCK_DGRAM), other = bound(family, SOCK_DGRAM);
    struct address there = name_of(other), here = name_of(one), from = {.len = sizeof from.storage};
    char buffer[16];
    CHECK(sendto(one, "datagram", 8, 0, raw(&there), there.len) == 8);
    CHECK(sendto(one, "", 0, 0, raw(&there), there.len) == 0);
    CHECK(recvfrom(other, buffer, 3, MSG_PEEK | MSG_TRUNC, raw(&from), &from.len) == 8 && same_address(&from, &here));
    struct iovec part = {buffer, 3};
    struct msghdr message = {.msg_name = raw(&from), .msg_namelen = sizeof from.storage, .msg_iov = &part, .msg_iovlen = 1};
    CHECK(recvmsg(other, &message, 0) == 3);
    printf("flags: %#x, name: %d\n", message.msg_flags, message.msg_namelen == here.len);
    SHOW_VALUE(recv(other, buffer, sizeof buffer, 0));
    SHOW(recv(other, buffer, sizeof buffer, MSG_DONTWAIT));
    SHOW(send(one, "x", 1, 0));
    static char large[70000];
    SHOW(sendto(one, large, sizeof large, 0, raw(&there), there.len));
    CHECK(connect(other, raw(&here), here.len) == 0);
    int stranger = bound(family, SOCK_DGRAM);
    CHECK(sendto(stranger, "no", 2, 0, raw(&there), there.len) == 2);
    CHECK(sendto(one, "yes", 3, 0, raw(&there), there.len) == 3);
    CHECK(recv(other, buffer, sizeof buffer, 0) == 3 && memcmp(buffer, "yes", 3) == 0);
    CHECK(close(one) == 0);
    CHECK(send(other, "lost", 4, 0) == 4);
    CHECK(ready(other, POLLIN) & POLLERR);
    SHOW(recv(other, buffer, sizeof buffer, 0));
    SHOW(recv(other, buffer, sizeof buffer, MSG_DONTWAIT));
    SHOW(listen(other, 1));
    SHOW(accept(other, NULL, NULL));
    struct timeval timeout = {0, 20000};
    CHECK(setsockopt(other, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == 0);
    SHOW(recv(other, buffer, sizeof buffer, 0));
    close(other), close(stranger);
}

static void *write_later(void *arg)
{
    usleep(30000);
    CHECK(write(*(int *)arg, "x", 1) == 1);
    return NULL;
}

static void *signal_twice(void *arg)
{
    for (int i = 0; i < 2; i++) {
        usleep(30000);
        pthread_kill(*(pthread_t *)arg, SIGPIPE);
    }
    return NULL;
}

static void waiting(void)
{
    int pair[2];
    char byte;
    pthread_t thread, self = pthread_self();
    tcp_pair(AF_INET, pair);
    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.u32 = 7};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, pair[1], &event) == 0);
    CHECK(pthread_create(&thread, NULL, write_later, &pair[0]) == 0);
    CHECK(epoll_wait(epoll, &event, 1, 10000) == 1);
    printf("came: %#x\n", event.events);
    CHECK(pthread_join(thread, NULL) == 0 && read(pair[1], &byte, 1) == 1);
    CHECK(pthread_create(&thread, NULL, write_later, &pair[0]) == 0);
    CHECK(read(pair[1], &byte, 1) == 1);
    CHECK(pthread_join(thread, NULL) == 0);
    struct sigaction action = {.sa_handler = on_signal};
    CHECK(sigaction(SIGPIPE, &action, NULL) == 0);
    CHECK(pthread_create(&thread, NULL, signal_twice, &self) == 0);
    SHOW(read(pair[1], &byte, 1));
    CHECK(pthread_join(thread, NULL) == 0);
    struct timeval timeout = {0, 20000};
    CHECK(setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == 0);
    SHOW(read(pair[1], &byte, 1));
    CHECK(setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) == 0);
    static char block[1 << 20];
    while (write(pair[0], block, sizeof block) > 0) {
    }
    printf("full: %s\n", error_name(errno));
    close(pair[0]), close(pair[1]);
}

/* Between processes, which share nothing else. */
static void processes(void)
{
    int listener = listening(AF_INET, 0), status;
    pid_t child = fork();
    if (child == 0) {
        char byte;
        for (int i = 0; i < 100; i++) {
            int one = connected_to(listener, 0);
            CHECK(write(one, "p", 1) == 1 && read(one, &byte, 1) == 1 && byte == 'q' && close(one) == 0);
        }
        _exit(9);
    }
    for (int i = 0; i < 100; i++) {
        char byte;
        int one = accept(listener, NULL, NULL);
        CHECK(read(one, &byte, 1) == 1 && byte == 'p' && write(one, "q", 1) == 1 && close(one) == 0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    printf("child ended with %d\n", WEXITSTATUS(status));
}

/* SO_BINDTODEVICE, which sshd asks for: the loopback is a device to be named. */
static void devices(void)
{
    int one = socket(AF_INET, SOCK_STREAM, 0);
    char name[IFNAMSIZ];
    socklen_t len = sizeof name;
    SHOW(getsockopt(one, SOL_SOCKET, SO_BINDTODEVICE, name, &len));
    printf("length: %u\n", len);
    SHOW(setsockopt(one, SOL_SOCKET, SO_BINDTODEVICE, "none", 5));
    SHOW(setsockopt(one, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2));
    len = sizeof name;
    SHOW(getsockopt(one, SOL_SOCKET, SO_BINDTODEVICE, name, &len));
    printf("%s, length: %u\n", name, len);
    SHOW(setsockopt(one, SOL_SOCKET, SO_BINDTODEVICE, "", 0));
    len = sizeof name;
    SHOW(getsockopt(one, SOL_SOCKET, SO_BINDTODEVICE, name, &len));
    printf("length: %u\n", len);
    CHECK(close(one) == 0);
}

int main(void)
{
    signal(SIGPIPE, on_signal);
    transfers(AF_INET);
    transfers(AF_INET6);
    resets();
    ports();
    datagrams(AF_INET);
    datagrams(AF_INET6);
    waiting();
    processes();
    devices();
}
