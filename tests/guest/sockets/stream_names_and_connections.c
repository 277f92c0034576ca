// build: -pthread
/* Stream and sequential-packet sockets with names: binding, connecting, accepting, and peers that go away at each stage. */
#include "unix.h"

static int type;
static char directory[] = "/tmp/enclos-unix-XXXXXX";
/* Relative, so that the output is the same each time. */
static const char *path = "socket";

static void binding(void)
{
    struct sockaddr_un address;
    struct stat stat;
    int fd = new_socket(type);
    show_names("fresh", fd);
    show_ready("fresh", fd);
    SHOW(listen(fd, 1));
    SHOW(accept(fd, NULL, NULL));
    SHOW(bind_to(fd, path));
    SHOW(bind_to(fd, path));
    SHOW(bind_to(fd, "another"));
    SHOW(bind_to(fd, "@another"));
    show_names("bound", fd);
    CHECK(lstat(path, &stat) == 0);
    printf("%o %ld\n", stat.st_mode, (long)stat.st_size);
    SHOW(open(path, O_RDWR));
    int other = new_socket(type);
    SHOW(bind_to(other, path));
    SHOW(connect_to(other, path));
    SHOW(bind_to(other, "/nowhere/at/all"));
    SHOW(connect_to(other, "/nowhere/at/all"));
    SHOW(connect_to(other, "."));
    SHOW(connect_to(other, "@nobody has this"));
    SHOW(bind_to(other, "@enclos test name"));
    show_names("abstract", other);
    int third = new_socket(type);
    SHOW(bind_to(third, "@enclos test name"));
    close(other);
    SHOW(bind_to(third, "@enclos test name"));
    close(third);
    third = new_socket(type);
    address.sun_family = AF_UNIX;
    SHOW(bind(third, (struct sockaddr *)&address, 2));
    socklen_t len = sizeof address;
    CHECK(getsockname(third, (struct sockaddr *)&address, &len) == 0);
    printf("automatic: %u %d\n", len, address.sun_path[0]);
    SHOW(bind(third, (struct sockaddr *)&address, 2));
    SHOW(listen(third, 5));
    SHOW(listen(third, 7));
    printf("listening %d\n", option_of(third, SO_ACCEPTCONN));
    int client = new_socket(type);
    SHOW(connect(client, (struct sockaddr *)&address, len));
    SHOW(connect(client, (struct sockaddr *)&address, len));
    SHOW(listen(client, 1));
    close(client);
    close(third);
    close(fd);
    /* The inode stays, without a socket. */
    fd = new_socket(type);
    SHOW(connect_to(fd, path));
    SHOW(bind_to(fd, path));
    CHECK(unlink(path) == 0);
    SHOW(bind_to(fd, path));
    SHOW(listen(fd, 0));
    CHECK(unlink(path) == 0);
    other = new_socket(type);
    SHOW(connect_to(other, path));
    close(other);
    close(fd);
    /* A path as long as can be has no room for its NUL. */
    memset(&address, 'x', sizeof address);
    address.sun_family = AF_UNIX;
    fd = new_socket(type);
    SHOW(bind(fd, (struct sockaddr *)&address, sizeof address));
    char raw[128];
    len = sizeof raw;
    CHECK(getsockname(fd, (struct sockaddr *)raw, &len) == 0);
    printf("long name: %u\n", len);
    len = 4;
    memset(raw, 0, sizeof raw);
    CHECK(getsockname(fd, (struct sockaddr *)raw, &len) == 0);
    printf("truncated name: %u %d%d%d\n", len, raw[2], raw[3], raw[4]);
    memset(raw, 'x', sizeof raw);
    raw[108] = 0;
    CHECK(unlink(raw) == 0);
    close(fd);
}

static void other_types(void)
{
    int other = type == SOCK_STREAM ? SOCK_SEQPACKET : SOCK_STREAM;
    int fd = listener(type, path, 1);
    int client = new_socket(other);
    SHOW(connect_to(client, path));
    close(client);
    client = new_socket(SOCK_DGRAM);
    SHOW(connect_to(client, path));
    SHOW(listen(client, 1));
    SHOW(accept(client, NULL, NULL));
    close(client);
    close(fd);
    CHECK(unlink(path) == 0);
}

static void connections(void)
{
    char got[16] = {0};
    struct sockaddr_un address;
    socklen_t len = sizeof address;
    int fd = listener(type, path, 2);
    show_ready("listening", fd);
    SHOW(recv(fd, got, 1, MSG_DONTWAIT));
    SHOW(send(fd, got, 1, MSG_NOSIGNAL));
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    SHOW(accept(fd, NULL, NULL));
    int client = new_socket(type);
    SHOW(recv(client, got, 1, MSG_DONTWAIT));
    SHOW(send(client, got, 1, MSG_NOSIGNAL));
    SHOW(connect_to(client, path));
    show_ready("with a connection", fd);
    show_ready("connected", client);
    show_names("client", client);
    CHECK(send(client, "early", 5, 0) == 5);
    memset(&address, 0, sizeof address);
    int server = accept4(fd, (struct sockaddr *)&address, &len, SOCK_CLOEXEC);
    CHECK(server >= 0);
    show_address("accepted", &address, len);
    printf("%x %x\n", fcntl(server, F_GETFL), fcntl(server, F_GETFD));
    show_names("server", server);
    CHECK(recv(server, got, sizeof got, 0) == 5);
    printf("%s\n", got);
    struct ucred who[2];
    len = sizeof who[0];
    CHECK(getsockopt(server, SOL_SOCKET, SO_PEERCRED, &who[0], &len) == 0);
    CHECK(getsockopt(client, SOL_SOCKET, SO_PEERCRED, &who[1], &len) == 0);
    printf("%d %d\n", who[0].pid == getpid(), who[1].pid == getpid() && who[1].uid == geteuid());
    SHOW(accept(server, NULL, NULL));
    SHOW(accept4(fd, NULL, NULL, 1 << 20));
    CHECK(shutdown(client, SHUT_WR) == 0);
    show_ready("peer is mute", server);
    CHECK(recv(server, got, 1, 0) == 0);
    CHECK(close(client) == 0);
    show_ready("peer is gone", server);
    SHOW(send(server, got, 1, MSG_NOSIGNAL));
    SHOW(recv(server, got, 1, 0));
    CHECK(close(server) == 0);
    /* The queue is full. */
    int clients[4];
    for (int i = 0; i < 4; i++) {
        clients[i] = new_socket(type | SOCK_NONBLOCK);
        SHOW(connect_to(clients[i], path));
    }
    struct timeval time = {0, 1000};
    CHECK(setsockopt(clients[3], SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) == 0);
    CHECK(fcntl(clients[3], F_SETFL, 0) == 0);
    SHOW(connect_to(clients[3], path));
    server = accept(fd, NULL, NULL);
    CHECK(server >= 0);
    SHOW(connect_to(clients[3], path));
    CHECK(close(server) == 0);
    show_ready("accepted and closed", clients[0]);
    show_ready("not accepted", clients[1]);
    SHOW(shutdown(fd, SHUT_RD));
    show_ready("shut", fd);
    int late = new_socket(type);
    SHOW(connect_to(late, path));
    CHECK(close(late) == 0);
    CHECK(close(fd) == 0);
    show_ready("never accepted", clients[1]);
    SHOW(recv(clients[1], got, 1, 0));
    SHOW(recv(clients[1], got, 1, 0));
    SHOW(send(clients[2], got, 1, MSG_NOSIGNAL));
    for (int i = 0; i < 4; i++)
        CHECK(close(clients[i]) == 0);
    CHECK(unlink(path) == 0);
}

static void *connect_late(void *unused)
{
    (void)unused;
    usleep(2000);
    int fd = new_socket(type);
    CHECK(connect_to(fd, "@enclos waiting") == 0);
    CHECK(send(fd, "hello", 5, 0) == 5);
    char byte;
    CHECK(recv(fd, &byte, 1, 0) == 0);
    close(fd);
    return NULL;
}

static void *accept_late(void *listener)
{
    usleep(2000);
    for (int i = 0; i < 3; i++) {
        int fd = accept(*(int *)listener, NULL, NULL);
        CHECK(fd >= 0);
        close(fd);
    }
    return NULL;
}

static void *close_late(void *listener)
{
    usleep(2000);
    close(*(int *)listener);
    return NULL;
}

static void waiting(void)
{
    pthread_t thread;
    char got[8] = {0};
    int fd = listener(type, "@enclos waiting", 0);
    CHECK(pthread_create(&thread, NULL, connect_late, NULL) == 0);
    int server = accept(fd, NULL, NULL);
    CHECK(server >= 0);
    CHECK(recv(server, got, sizeof got, 0) == 5);
    printf("%s\n", got);
    CHECK(close(server) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(pthread_create(&thread, NULL, accept_late, &fd) == 0);
    int clients[3];
    for (int i = 0; i < 3; i++) {
        clients[i] = new_socket(type);
        CHECK(connect_to(clients[i], "@enclos waiting") == 0);
    }
    CHECK(pthread_join(thread, NULL) == 0);
    for (int i = 0; i < 3; i++)
        close(clients[i]);
    struct timeval time = {0, 1000};
    CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) == 0);
    SHOW(accept(fd, NULL, NULL));
    clients[0] = new_socket(type);
    clients[1] = new_socket(type);
    CHECK(connect_to(clients[0], "@enclos waiting") == 0);
    CHECK(pthread_create(&thread, NULL, close_late, &fd) == 0);
    SHOW(connect_to(clients[1], "@enclos waiting"));
    CHECK(pthread_join(thread, NULL) == 0);
    close(clients[0]);
    close(clients[1]);
}

static void permissions(void)
{
    int fd = listener(type, path, 1);
    CHECK(chmod(path, 0444) == 0 && chmod(directory, 0755) == 0);
    if (geteuid() == 0)
        CHECK(seteuid(12345) == 0);
    int client = new_socket(type);
    SHOW(connect_to(client, path));
    close(client);
    if (getuid() == 0)
        CHECK(seteuid(0) == 0);
    close(fd);
    CHECK(unlink(path) == 0);
}

int main(void)
{
    CHECK(mkdtemp(directory));
    CHECK(chdir(directory) == 0);
    umask(022);
    int types[] = {SOCK_STREAM, SOCK_SEQPACKET};
    for (int i = 0; i < 2; i++) {
        type = types[i];
        printf("-- type %d\n", type);
        binding();
        other_types();
        connections();
        waiting();
        permissions();
    }
    CHECK(chdir("/") == 0);
    CHECK(rmdir(directory) == 0);
    return 0;
}
