/* Sockets across fork and exec, sendfile, splice. */
#include "net.h"
#include <sys/sendfile.h>
#include <sys/stat.h>

static void forked_server(void)
{
    int listener = listening(AF_INET, 0);
    pid_t servers[2];
    for (int i = 0; i < 2; i++)
        if ((servers[i] = fork()) == 0) {
            for (;;) {
                char byte;
                int one = accept(listener, NULL, NULL);
                CHECK(one >= 0);
                if (read(one, &byte, 1) != 1 || byte == 'q')
                    _exit(7);
                byte++;
                CHECK(write(one, &byte, 1) == 1);
                close(one);
            }
        }
    for (int i = 0; i < 20; i++) {
        char byte = 'a' + i % 10, sent = byte;
        int one = connected_to(listener, 0);
        CHECK(write(one, &byte, 1) == 1);
        CHECK(read(one, &byte, 1) == 1 && byte == sent + 1);
        CHECK(read(one, &byte, 1) == 0);
        close(one);
    }
    for (int i = 0; i < 2; i++) {
        int one = connected_to(listener, 0), status;
        CHECK(write(one, "q", 1) == 1);
        CHECK(wait(&status) > 0);
        printf("server ended with %d\n", WEXITSTATUS(status));
        close(one);
    }
    close(listener);
}

/* The connection ends when the last of the processes that have it closes it. */
static void shared_connection(void)
{
    int pair[2];
    char byte;
    tcp_pair(AF_INET, pair);
    pid_t child = fork();
    if (child == 0) {
        close(pair[0]);
        CHECK(read(pair[1], &byte, 1) == 1);
        CHECK(write(pair[1], "c", 1) == 1);
        _exit(0);
    }
    close(pair[1]);
    CHECK(write(pair[0], "p", 1) == 1);
    CHECK(read(pair[0], &byte, 1) == 1 && byte == 'c');
    SHOW_VALUE(read(pair[0], &byte, 1));
    CHECK(waitpid(child, NULL, 0) == child);
    close(pair[0]);

    tcp_pair(AF_INET, pair);
    child = fork();
    if (child == 0) {
        char number[12];
        sprintf(number, "%d", pair[1]);
        execlp("sh", "sh", "-c", "read line <&$0; echo \"got $line\" >&$0", number, NULL);
        _exit(127);
    }
    close(pair[1]);
    CHECK(write(pair[0], "line\n", 5) == 5);
    char line[32];
    ssize_t count = recv(pair[0], line, sizeof line - 1, MSG_WAITALL);
    CHECK(count > 0);
    line[count] = 0;
    printf("%s", line);
    CHECK(waitpid(child, NULL, 0) == child);
    close(pair[0]);
}

static void files(void)
{
    enum { SIZE = 100000 };
    static char bytes[SIZE], got[SIZE];
    for (int i = 0; i < SIZE; i++)
        bytes[i] = i * 7 % 251;
    int file = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600), pair[2], pipes[2];
    CHECK(write(file, bytes, SIZE) == SIZE);
    tcp_pair(AF_INET, pair);
    CHECK(pipe(pipes) == 0);
    off_t at = 1000;
    CHECK(sendfile(pair[0], file, &at, 50000) == 50000 && at == 51000);
    CHECK(recv(pair[1], got, 50000, MSG_WAITALL) == 50000);
    CHECK(memcmp(got, bytes + 1000, 50000) == 0);
    CHECK(lseek(file, 0, SEEK_SET) == 0);
    long total = 0, count;
    while (total < SIZE && (count = splice(file, NULL, pipes[1], NULL, SIZE - total, 0)) > 0) {
        while (count > 0) {
            long moved = splice(pipes[0], NULL, pair[0], NULL, count, SPLICE_F_MOVE | SPLICE_F_MORE);
            CHECK(moved > 0);
            count -= moved;
            total += moved;
        }
    }
    CHECK(shutdown(pair[0], SHUT_WR) == 0);
    total = 0;
    while ((count = splice(pair[1], NULL, pipes[1], NULL, 30000, 0)) > 0)
        while (count > 0) {
            long moved = read(pipes[0], got + total, count);
            CHECK(moved > 0);
            count -= moved;
            total += moved;
        }
    printf("spliced: %ld\n", total);
    CHECK(total == SIZE && memcmp(got, bytes, SIZE) == 0);
    SHOW_VALUE(splice(pair[1], NULL, pipes[1], NULL, 30000, 0));
    SHOW(splice(pair[1], &at, pipes[1], NULL, 10, 0));
    signal(SIGPIPE, SIG_IGN);
    SHOW(sendfile(pair[0], file, &(off_t){0}, 10));
    struct stat stat;
    CHECK(fstat(pair[0], &stat) == 0);
    printf("mode: %o\n", stat.st_mode);
    char name[64], target[64];
    sprintf(name, "/proc/self/fd/%d", pair[0]);
    count = readlink(name, target, sizeof target);
    CHECK(count > 8);
    printf("%.8s\n", target);
    SHOW(open(name, O_RDWR));
}

int main(void)
{
    forked_server();
    shared_connection();
    files();
}
