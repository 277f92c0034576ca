// build: -pthread
/* Threads and processes that sleep for a socket are woken by whatever else they wait for: files of other kinds, signals,
 * the end of the time. */
#include "../asleep.h"
#include "net.h"
#include <sys/eventfd.h>
#include <sys/select.h>
#include <time.h>

enum { ROUNDS = 2000 };

static int socket_fd, sender, epoll;

static int watch(int epoll, int fd, unsigned events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static int new_epoll(int first, int second)
{
    int epoll = epoll_create1(0);
    CHECK(epoll >= 0 && watch(epoll, first, EPOLLIN) == 0 && (second < 0 || watch(epoll, second, EPOLLIN) == 0));
    return epoll;
}

static void send_to(int fd)
{
    struct address to = name_of(fd);
    CHECK(sendto(sender, "x", 1, 0, raw(&to), to.len) == 1);
}

static void receive(int fd)
{
    char byte;
    CHECK(recv(fd, &byte, 1, MSG_DONTWAIT) == 1);
}

/* How one waits for the first of two descriptors; which of them is ready is a bit each. */
enum how { EPOLL, POLL, SELECT, HOWS };

static int wait_for(enum how how, int epoll, int first, int second)
{
    int found = 0;
    if (how == EPOLL) {
        struct epoll_event events[4];
        int count = epoll_wait(epoll, events, 4, -1);
        CHECK(count > 0);
        for (int i = 0; i < count; i++)
            found |= events[i].data.fd == first ? 1 : events[i].data.fd == second ? 2 : 4;
    } else if (how == POLL) {
        struct pollfd entries[] = {{first, POLLIN, 0}, {second, POLLIN, 0}};
        CHECK(poll(entries, 2, -1) > 0);
        found = (entries[0].revents != 0) | (entries[1].revents != 0) << 1;
    } else {
        fd_set set;
        FD_ZERO(&set);
        FD_SET(first, &set);
        FD_SET(second, &set);
        CHECK(select((first > second ? first : second) + 1, &set, NULL, NULL, NULL) > 0);
        found = FD_ISSET(first, &set) != 0 | (FD_ISSET(second, &set) != 0) << 1;
    }
    return found;
}

/* Two players wake each other: by an event descriptor, or every third time by a datagram. */
struct player {
    enum how how;
    int epoll, own_socket, own_event, other_socket, other_event;
};

static void play(struct player *player, int begins)
{
    for (int round = 0; round < ROUNDS; round++) {
        if (!begins || round > 0) {
            int found = wait_for(player->how, player->epoll, player->own_socket, player->own_event);
            CHECK(found == 1 || found == 2);
            eventfd_t value;
            if (found == 1)
                receive(player->own_socket);
            else
                CHECK(eventfd_read(player->own_event, &value) == 0 && value == 1);
        }
        if (round % 3 == 0)
            send_to(player->other_socket);
        else
            CHECK(eventfd_write(player->other_event, 1) == 0);
    }
}

static void *play_second(void *player)
{
    play(player, 0);
    return NULL;
}

static void ping_pong(enum how how, int in_other_process)
{
    int sockets[] = {bound(AF_INET, SOCK_DGRAM), bound(AF_INET, SOCK_DGRAM)};
    int events[] = {eventfd(0, 0), eventfd(0, 0)};
    struct player players[2];
    for (int i = 0; i < 2; i++)
        players[i] = (struct player){how, new_epoll(sockets[i], events[i]), sockets[i], events[i], sockets[1 - i], events[1 - i]};
    if (in_other_process) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            play(&players[1], 0);
            _exit(0);
        }
        play(&players[0], 1);
        int status;
        CHECK(waitpid(child, &status, 0) == child && status == 0);
    } else {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, play_second, &players[1]) == 0);
        play(&players[0], 1);
        CHECK(pthread_join(thread, NULL) == 0);
    }
    for (int i = 0; i < 2; i++)
        CHECK(close(sockets[i]) == 0 && close(events[i]) == 0 && close(players[i].epoll) == 0);
    printf("by %d, processes %d: done\n", how, 1 + in_other_process);
}

static volatile pid_t sleeper;
static volatile sig_atomic_t handled;

static void on_signal(int signal)
{
    (void)signal;
    handled++;
}

static void *interrupt_later(void *thread)
{
    until_asleep(getpid(), sleeper);
    CHECK(pthread_kill(*(pthread_t *)thread, SIGUSR1) == 0);
    return NULL;
}

static void show_interrupted(const char *what, long (*call)(void))
{
    pthread_t self = pthread_self(), other;
    sleeper = gettid();
    handled = 0;
    CHECK(pthread_create(&other, NULL, interrupt_later, &self) == 0);
    errno = 0;
    long result = call();
    printf("%s: %ld %s, handled %d\n", what, result, error_name(errno), handled);
    CHECK(pthread_join(other, NULL) == 0);
}

static long epoll_interrupted(void)
{
    struct epoll_event event;
    return epoll_wait(epoll, &event, 1, -1);
}

static long epoll_unblocks(void)
{
    struct epoll_event event;
    sigset_t blocked, none;
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    CHECK(sigprocmask(SIG_BLOCK, &blocked, NULL) == 0);
    long result = epoll_pwait(epoll, &event, 1, 20000, &none);
    int error = errno;
    CHECK(sigprocmask(SIG_UNBLOCK, &blocked, NULL) == 0);
    errno = error;
    return result;
}

static long poll_interrupted(void)
{
    struct pollfd entry = {socket_fd, POLLIN, 0};
    return poll(&entry, 1, -1);
}

static long select_interrupted(void)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(socket_fd, &set);
    struct timeval timeout = {20, 0};
    return select(socket_fd + 1, &set, NULL, NULL, &timeout);
}

/* However short the time is, what is ready is seen. */
static void no_time(void)
{
    struct epoll_event event;
    struct timespec nanosecond = {0, 1};
    for (int i = 0; i < 40; i++) {
        CHECK(epoll_wait(epoll, &event, 1, 0) == 0 && epoll_pwait2(epoll, &event, 1, &nanosecond, NULL) == 0);
        CHECK(epoll_wait(epoll, &event, 1, 1) == 0);
        send_to(socket_fd);
        struct pollfd entry = {socket_fd, POLLIN, 0};
        if (i % 3 == 0)
            CHECK(epoll_wait(epoll, &event, 1, 0) == 1);
        else if (i % 3 == 1)
            CHECK(epoll_pwait2(epoll, &event, 1, &nanosecond, NULL) == 1);
        else
            CHECK(ppoll(&entry, 1, &nanosecond, NULL) == 1);
        receive(socket_fd);
        CHECK(ppoll(&entry, 1, &nanosecond, NULL) == 0 && poll(&entry, 1, 0) == 0 && poll(&entry, 1, 1) == 0);
    }
    printf("no time: done\n");
}

/* A process that is stopped and continued while it sleeps. */
static void stopped(enum how how)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct pollfd entry = {socket_fd, POLLIN, 0};
        struct epoll_event event;
        errno = 0;
        long result = how == EPOLL ? epoll_wait(epoll, &event, 1, -1) : poll(&entry, 1, -1);
        printf("continued: %ld %s\n", result, error_name(errno));
        fflush(stdout);
        _exit(0);
    }
    until_asleep(child, child);
    int status;
    CHECK(kill(child, SIGSTOP) == 0 && waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    CHECK(kill(child, SIGCONT) == 0);
    if (how == POLL)
        until_asleep(child, child);
    send_to(socket_fd);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    receive(socket_fd);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    sender = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(sender >= 0);
    for (enum how how = EPOLL; how < HOWS; how++)
        for (int in_other_process = 0; in_other_process < 2; in_other_process++)
            ping_pong(how, in_other_process);
    socket_fd = bound(AF_INET, SOCK_DGRAM);
    epoll = new_epoll(socket_fd, -1);
    CHECK(sigaction(SIGUSR1, &(struct sigaction){.sa_handler = on_signal, .sa_flags = SA_RESTART}, NULL) == 0);
    show_interrupted("epoll_wait", epoll_interrupted);
    show_interrupted("epoll_pwait", epoll_unblocks);
    show_interrupted("poll", poll_interrupted);
    show_interrupted("select", select_interrupted);
    no_time();
    stopped(EPOLL);
    stopped(POLL);
    return 0;
}
