/* What the LibOS tells of itself in /proc/enclos; Linux, which has no such files, is taken to be in order. */
#pragma once
#include <fcntl.h>
#include "check.h"

/* Reads a file; returns whether it's there. */
static inline int enclos_read(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t got = read(fd, text, size - 1);
    close(fd);
    CHECK(got > 0);
    text[got] = 0;
    return 1;
}

/* Bytes in the LibOS's heap. */
static inline long enclos_heap(void)
{
    char text[256];
    return enclos_read("/proc/enclos/memory", text, sizeof text) ? atol(text + strlen("heap ")) : 0;
}

/* Whether the LibOS's heap has grown by less than `bound` bytes since it held `before`. */
static inline int enclos_heap_is_as_before(long before, long bound)
{
    long grown = enclos_heap() - before;
    if (grown > bound)
        fprintf(stderr, "the heap has grown by %ld bytes\n", grown);
    return grown <= bound;
}

/* Whether processes, threads, groups and sessions agree with each other. */
static inline int enclos_is_consistent(void)
{
    char text[256];
    if (!enclos_read("/proc/enclos/check", text, sizeof text) || strncmp(text, "consistent", 10) == 0)
        return 1;
    fputs(text, stderr);
    return 0;
}
