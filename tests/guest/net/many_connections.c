/* Connections, however they end, leave nothing of the LibOS's memory behind; tests/network.rs counts descriptors. */
#include "net.h"
#include "../enclos.h"

static void rounds(int family, int count)
{
    int listener = listening(family, 0);
    struct linger now = {1, 0};
    for (int i = 0; i < count; i++) {
        char byte;
        int one = connected_to(listener, 0), other = accept(listener, NULL, NULL);
        CHECK(other >= 0);
        if (i % 3 == 0)
            CHECK(write(one, "xy", 2) == 2 && read(other, &byte, 1) == 1);
        if (i % 5 == 0)
            CHECK(shutdown(other, SHUT_WR) == 0 && read(one, &byte, 1) == 0);
        /* Without the states of closed connections, which keep ports. */
        CHECK(setsockopt(one, SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
        CHECK(setsockopt(other, SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
        if (i % 2)
            close(one), close(other);
        else
            close(other), close(one);
        if (i % 7 == 0) {
            /* One that nobody accepts. */
            close(connected_to(listener, SOCK_NONBLOCK));
            other = accept(listener, NULL, NULL);
            close(other);
        }
    }
    close(listener);
}

int main(void)
{
    rounds(AF_INET, 500);
    rounds(AF_INET6, 500);
    long before = enclos_heap();
    rounds(AF_INET, 5000);
    rounds(AF_INET6, 1000);
    printf("as before: %d\n", enclos_heap_is_as_before(before, 32 << 10));
}
