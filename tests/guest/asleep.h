/* Waiting until others sleep. */
#pragma once
#include <fcntl.h>
#include <sys/types.h>
#include "check.h"

/* Until a thread sleeps, where it does nothing but wait. */
static inline void until_asleep(pid_t process, pid_t thread)
{
    char name[64], line[512];
    snprintf(name, sizeof name, "/proc/%d/task/%d/stat", process, thread);
    for (int seen = 0; seen < 5; usleep(2000)) {
        int fd = open(name, O_RDONLY);
        CHECK(fd >= 0);
        ssize_t length = read(fd, line, sizeof line - 1);
        CHECK(length > 0 && close(fd) == 0);
        line[length] = 0;
        seen = strrchr(line, ')')[2] == 'S' ? seen + 1 : 0;
    }
}
