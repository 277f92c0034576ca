// build: -pthread
/* O_ASYNC on Internet sockets: datagrams, connections, bytes and their end are signalled, what was there before isn't. */
#include "net.h"

static sigset_t all;

/* Awaits a signal, which may come some time after what it tells of. */
static void show_signal(const char *what)
{
    struct timespec patience = { 10, 0 };
    siginfo_t info;
    int signal = sigtimedwait(&all, &info, &patience);
    printf("%s: signal %d code %d fd %d\n", what, signal == SIGRTMIN ? 100 : signal, info.si_code, info.si_fd);
}

static void show_quiet(const char *what)
{
    struct timespec patience = { 0, 100000000 };
    siginfo_t info;
    printf("%s: %s\n", what, sigtimedwait(&all, &info, &patience) < 0 ? "nothing" : "a signal");
}

static int moved(int fd, int to)
{
    CHECK(fd >= 0 && dup2(fd, to) == to && close(fd) == 0);
    return to;
}

static void set_async(int fd)
{
    CHECK(fcntl(fd, F_SETOWN, getpid()) == 0 && fcntl(fd, F_SETSIG, SIGRTMIN) == 0);
    CHECK(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC | O_NONBLOCK) == 0);
    printf("O_ASYNC %d\n", (fcntl(fd, F_GETFL) & O_ASYNC) != 0);
}

static void datagrams(void)
{
    int receiver = moved(bound(AF_INET, SOCK_DGRAM), 40), sender = moved(bound(AF_INET, SOCK_DGRAM), 41);
    struct address to = name_of(receiver), from = name_of(sender);
    char byte;
    CHECK(sendto(sender, "a", 1, 0, raw(&to), to.len) == 1);
    set_async(receiver);
    show_quiet("it was there before");
    for (int i = 0; i < 3; i++) {
        CHECK(sendto(sender, "b", 1, 0, raw(&to), to.len) == 1);
        show_signal("a datagram");
    }
    while (recv(receiver, &byte, 1, 0) == 1)
        continue;
    CHECK(sendto(receiver, "c", 1, 0, raw(&from), from.len) == 1);
    show_quiet("sent");
    CHECK(fcntl(receiver, F_SETFL, O_NONBLOCK) == 0);
    CHECK(sendto(sender, "d", 1, 0, raw(&to), to.len) == 1);
    show_quiet("no longer");
    int on = 1;
    CHECK(ioctl(receiver, FIOASYNC, &on) == 0);
    CHECK(sendto(sender, "e", 1, 0, raw(&to), to.len) == 1);
    show_signal("again");
    close(receiver);
    close(sender);
}

static void connections(void)
{
    char byte;
    int listener = moved(listening(AF_INET, 0), 42);
    set_async(listener);
    int client = moved(connected_to(listener, 0), 43);
    show_signal("a connection");
    int server = moved(accept(listener, NULL, NULL), 44);
    set_async(server);
    show_quiet("accepted");
    CHECK(write(client, "x", 1) == 1);
    show_signal("a byte");
    CHECK(read(server, &byte, 1) == 1 && write(server, "y", 1) == 1);
    show_quiet("read and answered");
    CHECK(shutdown(client, SHUT_WR) == 0);
    show_signal("the end");
    close(client);
    close(server);
    close(listener);
}

int main(void)
{
    sigfillset(&all);
    CHECK(sigprocmask(SIG_BLOCK, &all, NULL) == 0);
    datagrams();
    connections();
    return 0;
}
