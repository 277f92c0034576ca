// build: -pthread
/* SO_RCVLOWAT makes receivers of a stream wait for more, but not those who poll; SO_LINGER keeps its value. */
#include "unix.h"
#include <poll.h>
#include <pthread.h>
#include <sys/time.h>

static void *write_parts(void *arg)
{
    for (int i = 0; i < 4; i++) {
        usleep(10000);
        CHECK(write(*(int *)arg, "ab", 2) == 2);
    }
    return NULL;
}

int main(void)
{
    int pair[2], low = 6;
    char buffer[64];
    pthread_t thread;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    CHECK(setsockopt(pair[1], SOL_SOCKET, SO_RCVLOWAT, &low, sizeof low) == 0);
    CHECK(write(pair[0], "abc", 3) == 3);
    struct pollfd entry = {.fd = pair[1], .events = POLLIN};
    printf("ready: %d\n", poll(&entry, 1, 0));
    SHOW_VALUE(recv(pair[1], buffer, sizeof buffer, MSG_DONTWAIT));
    CHECK(pthread_create(&thread, NULL, write_parts, &pair[0]) == 0);
    printf("enough: %d\n", recv(pair[1], buffer, sizeof buffer, 0) >= 6);
    CHECK(pthread_join(thread, NULL) == 0);
    while (recv(pair[1], buffer, sizeof buffer, MSG_DONTWAIT) > 0) {
    }
    CHECK(pthread_create(&thread, NULL, write_parts, &pair[0]) == 0);
    SHOW_VALUE(read(pair[1], buffer, 4));
    CHECK(pthread_join(thread, NULL) == 0);
    SHOW_VALUE(recv(pair[1], buffer, 4, MSG_WAITALL));
    struct timeval timeout = {0, 20000};
    CHECK(setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == 0);
    CHECK(write(pair[0], "abc", 3) == 3);
    SHOW_VALUE(read(pair[1], buffer, sizeof buffer));
    SHOW(read(pair[1], buffer, sizeof buffer));
    CHECK(write(pair[0], "xy", 2) == 2 && close(pair[0]) == 0);
    SHOW_VALUE(read(pair[1], buffer, sizeof buffer));
    SHOW_VALUE(read(pair[1], buffer, sizeof buffer));
    struct linger linger[] = {{7, 5}, {0, 9}, {1, 2}}, got;
    for (int i = 0; i < 3; i++) {
        socklen_t len = sizeof got;
        CHECK(setsockopt(pair[1], SOL_SOCKET, SO_LINGER, &linger[i], sizeof linger[i]) == 0);
        CHECK(getsockopt(pair[1], SOL_SOCKET, SO_LINGER, &got, &len) == 0);
        printf("linger: %d %d\n", got.l_onoff, got.l_linger);
    }
    for (int i = -1; i < 2; i++) {
        socklen_t len = sizeof low;
        CHECK(setsockopt(pair[1], SOL_SOCKET, SO_RCVLOWAT, &i, sizeof i) == 0);
        CHECK(getsockopt(pair[1], SOL_SOCKET, SO_RCVLOWAT, &low, &len) == 0);
        printf("low: %d\n", low);
    }
}
