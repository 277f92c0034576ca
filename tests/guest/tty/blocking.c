/* Full queues, waits for room, epoll, and many pseudoterminals. */
#include "pty.h"
#include <sys/epoll.h>

int main(void)
{
    open_pty();
    struct termios raw = settings();
    cfmakeraw(&raw);
    set(raw);

    /* A megabyte in each direction, with both ends at work. */
    for (int direction = 0; direction < 2; direction++) {
        int from = direction ? master : slave, to = direction ? slave : master;
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            char chunk[5000];
            for (size_t total = 0; total < 1000000; total += sizeof chunk) {
                for (size_t i = 0; i < sizeof chunk; i++)
                    chunk[i] = (char)((total + i) % 251);
                CHECK(write(from, chunk, sizeof chunk) == sizeof chunk);
            }
            _exit(0);
        }
        size_t total = 0, wrong = 0;
        while (total < 1000000) {
            char chunk[3000];
            ssize_t count = read(to, chunk, sizeof chunk);
            CHECK(count > 0);
            for (ssize_t i = 0; i < count; i++)
                wrong += chunk[i] != (char)((total + i) % 251);
            total += count;
        }
        printf("%zu, %zu wrong\n", total, wrong);
        CHECK(waitpid(child, NULL, 0) == child);
    }

    /* Without waiting. */
    char chunk[1000] = {0};
    for (int direction = 0; direction < 2; direction++) {
        int from = direction ? master : slave, to = direction ? slave : master;
        fcntl(from, F_SETFL, O_NONBLOCK);
        ssize_t count = 1;
        long total = 0;
        for (int i = 0; i < 1000 && (count = write(from, chunk, sizeof chunk)) > 0; i++)
            total += count;
        printf("full: %s, more than a page: %d\n", error_name(errno), total > 4096);
        struct pollfd pfd = {.fd = from, .events = POLLOUT};
        int epoll = epoll_create1(0);
        struct epoll_event event = {.events = EPOLLOUT | EPOLLET};
        CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, from, &event) == 0);
        /* Linux moves what was written later, so whether it's ready now depends on when one asks. */
        epoll_wait(epoll, &event, 1, 0);
        while (total > 0)
            total -= read(to, chunk, sizeof chunk);
        printf("epoll %d\n", epoll_wait(epoll, &event, 1, 1000));
        printf("poll %d\n", poll(&pfd, 1, 0));
        close(epoll);
        fcntl(from, F_SETFL, 0);
    }

    /* A line that is too long loses what comes last but its end. */
    raw.c_lflag |= ICANON;
    set(raw);
    for (int i = 0; i < 5; i++) {
        memset(chunk, 'a' + i, sizeof chunk);
        CHECK(write(master, chunk, sizeof chunk) == sizeof chunk);
    }
    CHECK(write(master, "\n", 1) == 1);
    char line[8192];
    ssize_t len = read(slave, line, sizeof line);
    printf("%zd: %c %c %02x\n", len, line[0], line[len - 2], line[len - 1]);

    int masters[40];
    for (int i = 0; i < 40; i++)
        CHECK((masters[i] = posix_openpt(O_RDWR)) >= 0);
    for (int i = 0; i < 40; i++)
        for (int k = 0; k < i; k++) {
            int one, other;
            CHECK(ioctl(masters[i], TIOCGPTN, &one) == 0 && ioctl(masters[k], TIOCGPTN, &other) == 0);
            CHECK(one != other);
        }
    for (int i = 0; i < 40; i++)
        close(masters[i]);
    return 0;
}
