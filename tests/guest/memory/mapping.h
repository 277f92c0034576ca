/* What the memory tests share. */
#pragma once
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "check.h"

enum { PAGE = 4096 };

static sigjmp_buf fault_return;
static volatile int fault_code;
static void *volatile fault_address;

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)context;
    fault_code = info->si_code;
    fault_address = info->si_addr;
    siglongjmp(fault_return, signal);
}

/* The signal that touching `address` raises, as a word. */
static inline const char *touch(volatile void *address, int write)
{
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
    CHECK(sigaction(SIGSEGV, &action, 0) == 0 && sigaction(SIGBUS, &action, 0) == 0);
    int signal = sigsetjmp(fault_return, 1);
    if (signal == 0) {
        volatile char *byte = address;
        char value = *byte;
        if (write)
            *byte = value;
        return "fine";
    }
    CHECK(fault_address == address);
    if (signal == SIGBUS)
        return fault_code == BUS_ADRERR ? "SIGBUS" : "SIGBUS, other code";
    return fault_code == SEGV_MAPERR ? "SIGSEGV, not mapped" : fault_code == SEGV_ACCERR ? "SIGSEGV, no access" : "SIGSEGV";
}

static inline const char *reading(volatile void *address)
{
    return touch(address, 0);
}

static inline const char *writing(volatile void *address)
{
    return touch(address, 1);
}

/* Fresh private pages, readable and writable. */
static inline unsigned char *pages(size_t count)
{
    unsigned char *start = mmap(0, count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(start != MAP_FAILED);
    return start;
}

/* A file of `size` bytes, byte i being i/PAGE+1, without a name. */
static inline int make_file(size_t size)
{
    char name[] = "fileXXXXXX";
    int file = mkstemp(name);
    CHECK(file >= 0 && unlink(name) == 0);
    unsigned char *bytes = malloc(size);
    for (size_t i = 0; i < size; i++)
        bytes[i] = i / PAGE + 1;
    CHECK(write(file, bytes, size) == (ssize_t)size);
    free(bytes);
    return file;
}

/* The permissions that /proc/self/maps gives the page at `address`, e.g. "rw-p", or "none". */
static inline const char *permissions(void *address)
{
    static char result[8];
    FILE *maps = fopen("/proc/self/maps", "r");
    CHECK(maps);
    char line[512];
    strcpy(result, "none");
    while (fgets(line, sizeof line, maps)) {
        unsigned long start, end;
        char permission[8];
        CHECK(sscanf(line, "%lx-%lx %7s", &start, &end, permission) == 3);
        if (start <= (uintptr_t)address && (uintptr_t)address < end)
            strcpy(result, permission);
    }
    fclose(maps);
    return result;
}
