/* What the tests of /proc share: children, and what it shows of them. */
#pragma once
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include "../check.h"

extern char **environ;

static char proc_text[1 << 16];

/* A file's contents, or the name of the error. */
static inline const char *proc_read(int pid, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return error_name(errno);
    ssize_t total = 0, got;
    while ((got = read(fd, proc_text + total, sizeof proc_text - 1 - total)) > 0)
        total += got;
    int error = errno;
    close(fd);
    if (got < 0)
        return error_name(error);
    proc_text[total] = 0;
    return proc_text;
}

/* Field number `field` of stat, counted from 1 as the man page does. */
static inline long stat_field(int pid, int field)
{
    const char *at = strrchr(proc_read(pid, "stat"), ')');
    CHECK(at != 0);
    at += 2;
    for (int left = field; left > 3; left--)
        at = strchr(at, ' ') + 1;
    return field == 3 ? *at : atol(at);
}

/* The line of status that starts so, without that. */
static inline const char *status_line(int pid, const char *name)
{
    static char line[256];
    char start[64];
    snprintf(start, sizeof start, "\n%s:\t", name);
    char *found = strstr(proc_read(pid, "status"), start);
    if (found == 0)
        return "missing";
    found += strlen(start);
    snprintf(line, sizeof line, "%.*s", (int)strcspn(found, "\n"), found);
    return line;
}

/* Waits until the process is in a state. */
static inline void await_state(int pid, char state)
{
    while (stat_field(pid, 3) != state)
        usleep(1000);
}

static inline void end_of(int pid)
{
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
}

static inline double seconds_of(struct timeval time) { return time.tv_sec + time.tv_usec * 1e-6; }

static inline double clock_seconds(clockid_t clock)
{
    struct timespec time;
    CHECK(clock_gettime(clock, &time) == 0);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

/* Works until the process has used so much processor time. */
static inline void burn_until(double seconds)
{
    while (clock_seconds(CLOCK_PROCESS_CPUTIME_ID) < seconds)
        ;
}
