// Five hundred forked children live at the same time, talk to their parent by pipes, and end.
#include "../check.h"
#include <sys/wait.h>

enum { CHILDREN = 500 };

int main(void)
{
    int there[2], back[2], end[2];
    CHECK(pipe(there) == 0 && pipe(back) == 0 && pipe(end) == 0);
    for (int i = 0; i < CHILDREN; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            unsigned char byte;
            CHECK(read(there[0], &byte, 1) == 1);
            byte++;
            CHECK(write(back[1], &byte, 1) == 1);
            CHECK(close(end[1]) == 0 && read(end[0], &byte, 1) == 0);
            _exit(i % 100);
        }
    }
    long sum = 0, statuses = 0;
    for (int i = 0; i < CHILDREN; i++) {
        unsigned char byte = i;
        CHECK(write(there[1], &byte, 1) == 1);
    }
    for (int i = 0; i < CHILDREN; i++) {
        unsigned char byte;
        CHECK(read(back[0], &byte, 1) == 1);
        sum += byte;
    }
    close(end[1]);
    for (int i = 0; i < CHILDREN; i++) {
        int status;
        CHECK(wait(&status) > 0);
        statuses += WEXITSTATUS(status);
    }
    printf("%ld %ld\n", sum, statuses);
}
