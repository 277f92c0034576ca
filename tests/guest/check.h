/* What all guest programs share: checks that end the program, and names for error numbers. */
#pragma once
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Ends the program with status 1 unless the condition holds. */
#define CHECK(condition)                                                                  \
    do {                                                                                  \
        if (!(condition)) {                                                               \
            int error_ = errno;                                                           \
            fflush(stdout);                                                               \
            fprintf(stderr, "%s:%d: CHECK(%s) failed; errno %d (%s)\n", __FILE__,         \
                    __LINE__, #condition, error_, strerror(error_));                      \
            exit(1);                                                                      \
        }                                                                                 \
    } while (0)

static inline const char *error_name(int error)
{
    const char *name = strerrorname_np(error);
    return error == 0 ? "OK" : name ? name : "?";
}

/* Prints the expression's outcome: "OK" or its errno's name. For calls that return -1 on failure. */
#define SHOW(expression)                                                                  \
    do {                                                                                  \
        errno = 0;                                                                        \
        long result_ = (long)(expression);                                                \
        printf("%s: %s\n", #expression, result_ == -1 ? error_name(errno) : "OK");        \
    } while (0)

/* As SHOW, with the value returned. Only for values that are the same in every run. */
#define SHOW_VALUE(expression)                                                            \
    do {                                                                                  \
        errno = 0;                                                                        \
        long result_ = (long)(expression);                                                \
        if (result_ == -1)                                                                \
            printf("%s: %s\n", #expression, error_name(errno));                           \
        else                                                                              \
            printf("%s: %ld\n", #expression, result_);                                    \
    } while (0)
