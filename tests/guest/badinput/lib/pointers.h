/* Calls with pointers of every bad kind. */
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include "check.h"

enum kind { NULL_POINTER, UNMAPPED, KERNEL_HALF, NON_CANONICAL, LAST_BYTES, STRADDLING, READ_ONLY, KINDS };
static const char *const kind_names[] = { "null", "unmapped", "kernel half", "non-canonical", "wrapping", "straddling", "read-only" };

/* What an argument is. Pointers say how many bytes the call reads or writes there. */
struct argument {
    enum { VALUE, IN, OUT } type;
    long value;
};

#define V(value) { VALUE, (long)(value) }
#define I(size) { IN, size }
#define O(size) { OUT, size }

struct call {
    const char *name;
    long number;
    struct argument arguments[6];
    /* Which kinds to leave out, as a mask: where the null pointer means something that has effects. */
    unsigned without;
};

#define NO_NULL (1u << NULL_POINTER)
#define CALL(name, ...) { #name, SYS_##name, { __VA_ARGS__ }, 0 }
#define CALL_WITHOUT(mask, name, ...) { #name, SYS_##name, { __VA_ARGS__ }, mask }

/* Descriptors that main opens. */
enum { FILE_RW = 20, DIRECTORY = 21, PIPE_READ = 22, PIPE_WRITE = 23, FULL_PIPE = 24, SOCKET = 25, EPOLL = 26 };

static const char path[] = "file";
static char buffer[4096] __attribute__((aligned(4096)));
static long no_time[8]; /* and whatever else is all zero */
static int four = 4;

static char *readable, *before_hole;

static long place(enum kind kind, const struct argument *argument)
{
    switch (kind) {
    case NULL_POINTER:
        return 0;
    case UNMAPPED:
        return 0x10000;
    case KERNEL_HALF:
        return (long)0xffff888000000000;
    case NON_CANONICAL:
        return 0x0000800000000000;
    case LAST_BYTES:
        return -1;
    case STRADDLING:
        /* All but the last byte, or for a string of one letter its end, lies in a mapped page. */
        return (long)before_hole - argument->value + 1;
    default:
        return (long)readable;
    }
}

static void drain(void)
{
    char byte;
    while (read(PIPE_READ, &byte, 1) > 0)
        ;
}

static void walk(const struct call *call)
{
    for (int pointer = 0; pointer < 6; pointer++) {
        const struct argument *argument = &call->arguments[pointer];
        if (argument->type == VALUE)
            continue;
        for (enum kind kind = 0; kind < KINDS; kind++) {
            if (call->without >> kind & 1 || (kind == READ_ONLY && argument->type == IN))
                continue;
            if (kind == STRADDLING && argument->value < 2)
                continue;
            long words[6];
            for (int i = 0; i < 6; i++)
                words[i] = call->arguments[i].value;
            words[pointer] = place(kind, argument);
            memset(before_hole - 4096, 'x', 4096);
            CHECK(lseek(FILE_RW, 0, SEEK_SET) == 0 && lseek(DIRECTORY, 0, SEEK_SET) == 0);
            long result = syscall(call->number, words[0], words[1], words[2], words[3], words[4], words[5]);
            const char *outcome = result == -1 ? error_name(errno) : result == 0 ? "fine" : "some";
            printf("%s argument %d %s: %s\n", call->name, pointer + 1, kind_names[kind], outcome);
            drain();
        }
    }
}

/* Opens the descriptors and makes the memory that calls refer to. */
static void prepare(void)
{
    char *pages = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED && munmap(pages + 4096, 4096) == 0);
    before_hole = pages + 4096;
    readable = pages + 8192;
    CHECK(mprotect(readable, 4096, PROT_READ) == 0);

    int file = open(path, O_RDWR | O_CREAT, 0600), ends[2];
    for (int i = 0; i < 16; i++)
        CHECK(write(file, buffer, sizeof buffer) == sizeof buffer);
    CHECK(dup2(file, FILE_RW) == FILE_RW && close(file) == 0);
    CHECK(dup2(open(".", O_RDONLY), DIRECTORY) == DIRECTORY);
    CHECK(symlink(path, "link") == 0);
    CHECK(pipe2(ends, O_NONBLOCK) == 0 && dup2(ends[0], PIPE_READ) == PIPE_READ && dup2(ends[1], PIPE_WRITE) == PIPE_WRITE);
}
