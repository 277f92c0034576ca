// build: -pthread
/* Blocking calls: interrupted, restarted, timed out, ended by the peer. */
#include "net.h"
#include <sys/time.h>

static volatile int handled;

static void on_signal(int signal)
{
    (void)signal;
    handled++;
}

static void handle_signals(int flags)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
}

struct helper {
    pthread_t target;
    int fd;
};

/* Signals the main thread, twice, and sends a byte later on. */
static void *signal_then_send(void *arg)
{
    struct helper *helper = arg;
    for (int i = 0; i < 2; i++) {
        usleep(50000);
        CHECK(pthread_kill(helper->target, SIGUSR1) == 0);
    }
    usleep(50000);
    if (helper->fd >= 0)
        CHECK(write(helper->fd, "x", 1) == 1);
    return NULL;
}

static void with_helper(int fd, void (*work)(int), int arg)
{
    struct helper helper = {pthread_self(), fd};
    pthread_t thread;
    handled = 0;
    CHECK(pthread_create(&thread, NULL, signal_then_send, &helper) == 0);
    work(arg);
    CHECK(pthread_join(thread, NULL) == 0);
}

static void read_one(int fd)
{
    char byte;
    SHOW_VALUE(read(fd, &byte, 1));
}

static void receive_one(int fd)
{
    char byte;
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    SHOW_VALUE(recvmsg(fd, &message, 0));
}

static void accept_one(int fd)
{
    SHOW(accept(fd, NULL, NULL));
}

static void set_timeout(int fd, int option, int millis)
{
    struct timeval timeout = {millis / 1000, millis % 1000 * 1000};
    CHECK(setsockopt(fd, SOL_SOCKET, option, &timeout, sizeof timeout) == 0);
}

int main(void)
{
    int pair[2];
    char byte;
    tcp_pair(AF_INET, pair);

    puts("with restarting");
    handle_signals(SA_RESTART);
    with_helper(pair[0], read_one, pair[1]);
    printf("signals: %d\n", handled);
    with_helper(pair[0], receive_one, pair[1]);
    printf("signals: %d\n", handled);

    puts("without");
    handle_signals(0);
    with_helper(pair[0], read_one, pair[1]);
    CHECK(read(pair[1], &byte, 1) == 1);
    int listener = listening(AF_INET, 0);
    with_helper(-1, accept_one, listener);

    puts("with a timeout, nothing is restarted");
    handle_signals(SA_RESTART);
    set_timeout(pair[1], SO_RCVTIMEO, 20000);
    with_helper(pair[0], read_one, pair[1]);
    CHECK(read(pair[1], &byte, 1) == 1);
    with_helper(pair[0], receive_one, pair[1]);
    CHECK(read(pair[1], &byte, 1) == 1);
    set_timeout(listener, SO_RCVTIMEO, 20000);
    with_helper(-1, accept_one, listener);

    puts("timing out");
    set_timeout(pair[1], SO_RCVTIMEO, 30);
    SHOW(read(pair[1], &byte, 1));
    SHOW(recv(pair[1], &byte, 1, 0));
    set_timeout(listener, SO_RCVTIMEO, 30);
    SHOW(accept(listener, NULL, NULL));
    set_timeout(pair[0], SO_SNDTIMEO, 30);
    static char block[1 << 20];
    while (write(pair[0], block, sizeof block) > 0) {
    }
    printf("full: %s\n", error_name(errno));
    struct timeval timeout;
    socklen_t len = sizeof timeout;
    CHECK(getsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &timeout, &len) == 0);
    printf("timeout set: %s, length %u\n", timeout.tv_usec > 0 ? "yes" : "no", len);

    puts("restarted again without a timeout");
    set_timeout(pair[1], SO_RCVTIMEO, 0);
    while (recv(pair[1], block, sizeof block, MSG_DONTWAIT) > 0) {
    }
    with_helper(pair[0], read_one, pair[1]);
}
