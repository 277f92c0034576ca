// build: -pthread
/* Datagram sockets: names, connecting to one another, sending to names, queues, readiness, peers that go away. */
#include "unix.h"
#include <sys/epoll.h>

static char got[64];

static ssize_t send_to(int fd, const char *name, const char *text, int flags)
{
    struct sockaddr_un address;
    socklen_t len = address_of(&address, name);
    return sendto(fd, text, strlen(text), flags, (struct sockaddr *)&address, len);
}

static void receive_from(int fd)
{
    struct sockaddr_un address;
    socklen_t len = sizeof address;
    memset(&address, 0, sizeof address);
    memset(got, 0, sizeof got);
    ssize_t count = recvfrom(fd, got, sizeof got - 1, MSG_DONTWAIT, (struct sockaddr *)&address, &len);
    if (count < 0) {
        printf("recvfrom: %s\n", error_name(errno));
        return;
    }
    printf("recvfrom: %zd \"%s\" ", count, got);
    show_address("from", &address, len);
}

static int bound(const char *name)
{
    int fd = new_socket(SOCK_DGRAM | SOCK_NONBLOCK);
    CHECK(bind_to(fd, name) == 0);
    return fd;
}

static void unconnected(void)
{
    int server = bound("server"), client = new_socket(SOCK_DGRAM | SOCK_NONBLOCK);
    show_ready("fresh", client);
    show_names("fresh", client);
    SHOW(send(client, "x", 1, 0));
    SHOW(recv(client, got, 1, 0));
    SHOW_VALUE(send_to(client, "server", "anonymous", 0));
    show_ready("sent", server);
    receive_from(server);
    CHECK(bind_to(client, "@client") == 0);
    SHOW_VALUE(send_to(client, "server", "named", 0));
    SHOW_VALUE(send_to(client, "server", "", 0));
    receive_from(server);
    receive_from(server);
    receive_from(server);
    SHOW_VALUE(send_to(server, "@client", "answer", 0));
    receive_from(client);
    SHOW_VALUE(send_to(client, "nowhere", "x", 0));
    SHOW_VALUE(send_to(client, "@nowhere", "x", 0));
    struct sockaddr_un address;
    socklen_t len = address_of(&address, "server");
    address.sun_family = AF_INET;
    SHOW_VALUE(sendto(client, "x", 1, 0, (struct sockaddr *)&address, len));
    SHOW_VALUE(sendto(client, "x", 1, 0, (struct sockaddr *)&address, 2));
    SHOW_VALUE(sendto(client, "x", 1, 0, (struct sockaddr *)&address, 1));
    SHOW_VALUE(sendto(client, "x", 1, 0, (struct sockaddr *)&address, 129));
    SHOW_VALUE(sendto(client, "x", 1, 0, (struct sockaddr *)&address, 111));
    SHOW_VALUE(sendto(client, "x", 1, 0, (struct sockaddr *)8, len));
    SHOW(connect(client, (struct sockaddr *)&address, 1));
    SHOW(connect(client, (struct sockaddr *)&address, 20));
    CHECK(close(server) == 0);
    SHOW_VALUE(send_to(client, "server", "x", 0));
    CHECK(unlink("server") == 0);
    close(client);
}

static void connected(void)
{
    int server = bound("@server"), client = bound("@client"), stranger = bound("@stranger");
    SHOW(connect_to(client, "@server"));
    show_names("client", client);
    SHOW_VALUE(send(client, "one", 3, 0));
    SHOW_VALUE(send_to(stranger, "@client", "x", 0));
    SHOW(connect_to(stranger, "@client"));
    SHOW_VALUE(send_to(server, "@client", "two", 0));
    receive_from(server);
    receive_from(client);
    SHOW_VALUE(send_to(client, "@stranger", "three", 0));
    receive_from(stranger);
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    SHOW(connect(client, &nobody, sizeof nobody));
    show_names("dissolved", client);
    SHOW_VALUE(send(client, "x", 1, 0));
    SHOW(connect_to(client, "@server"));
    CHECK(close(server) == 0);
    SHOW_VALUE(send(client, "x", 1, MSG_NOSIGNAL));
    SHOW_VALUE(send(client, "x", 1, MSG_NOSIGNAL));
    close(client);
    close(stranger);
}

static void *receive_late(void *server)
{
    usleep(2000);
    CHECK(recv(*(int *)server, got, sizeof got, 0) == 1);
    return NULL;
}

static void full(void)
{
    int server = bound("@server"), client = new_socket(SOCK_DGRAM | SOCK_NONBLOCK);
    CHECK(connect_to(client, "@server") == 0);
    int count = 0;
    while (send(client, "x", 1, 0) == 1)
        count++;
    printf("%d %s\n", count, error_name(errno));
    show_ready("full", client);
    int watched = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLOUT};
    CHECK(epoll_ctl(watched, EPOLL_CTL_ADD, client, &event) == 0);
    printf("%d\n", epoll_wait(watched, &event, 1, 0));
    CHECK(recv(server, got, sizeof got, 0) == 1);
    printf("%d\n", epoll_wait(watched, &event, 1, 0));
    show_ready("room", client);
    CHECK(send(client, "x", 1, 0) == 1);
    pthread_t thread;
    CHECK(fcntl(client, F_SETFL, 0) == 0 && fcntl(server, F_SETFL, 0) == 0);
    CHECK(pthread_create(&thread, NULL, receive_late, &server) == 0);
    CHECK(send(client, "x", 1, 0) == 1);
    CHECK(pthread_join(thread, NULL) == 0);
    struct timeval time = {0, 1000};
    CHECK(setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) == 0);
    SHOW(send(client, "x", 1, 0));
    close(watched);
    close(server);
    close(client);
}

static void pairs(void)
{
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair) == 0);
    show_names("pair", pair[0]);
    for (int i = 0; i < 20; i++)
        CHECK(send(pair[0], "x", 1, 0) == 1);
    show_ready("twenty", pair[0]);
    SHOW(shutdown(pair[0], SHUT_WR));
    SHOW_VALUE(send(pair[0], "x", 1, MSG_NOSIGNAL));
    SHOW(shutdown(pair[1], SHUT_RD));
    show_ready("shut", pair[1]);
    SHOW_VALUE(recv(pair[1], got, 2, 0));
    CHECK(close(pair[1]) == 0);
    show_ready("alone", pair[0]);
    SHOW_VALUE(recv(pair[0], got, 2, 0));
    CHECK(close(pair[0]) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair) == 0);
    SHOW(shutdown(pair[1], SHUT_RD));
    SHOW_VALUE(send(pair[0], "x", 1, 0));
    CHECK(close(pair[1]) == 0);
    SHOW_VALUE(send(pair[0], "x", 1, 0));
    SHOW_VALUE(write(pair[0], "x", 1));
    CHECK(close(pair[0]) == 0);
}

int main(void)
{
    char directory[] = "/tmp/enclos-unix-XXXXXX";
    CHECK(mkdtemp(directory));
    CHECK(chdir(directory) == 0);
    unconnected();
    connected();
    full();
    pairs();
    SHOW(socket(AF_UNIX, SOCK_DGRAM, 1) >= 0 ? 0 : -1);
    SHOW(socket(AF_UNIX, SOCK_DGRAM, 2));
    SHOW(socket(AF_UNIX, SOCK_RDM, 0));
    SHOW(socket(AF_UNIX, 99, 0));
    SHOW(socket(AF_UNIX, SOCK_STREAM | 1 << 20, 0));
    SHOW(socket(999, SOCK_STREAM, 0));
    SHOW(socket(-1, SOCK_STREAM, 0));
    int fd = open(".", O_RDONLY);
    SHOW(bind_to(fd, "x"));
    SHOW(connect_to(fd, "x"));
    SHOW(listen(fd, 1));
    SHOW(accept(fd, NULL, NULL));
    SHOW(shutdown(fd, SHUT_RDWR));
    SHOW(getsockname(fd, NULL, NULL));
    SHOW(getpeername(999, NULL, NULL));
    CHECK(chdir("/") == 0);
    CHECK(rmdir(directory) == 0);
    return 0;
}
