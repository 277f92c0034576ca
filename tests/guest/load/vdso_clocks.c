// The vDSO's functions, found as a C library finds them, agree with the system calls.
#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include "check.h"

static void *find(const char *wanted)
{
    const char *base = (void *)getauxval(AT_SYSINFO_EHDR);
    CHECK(base);
    const ElfW(Ehdr) *header = (void *)base;
    const ElfW(Phdr) *segment = (void *)(base + header->e_phoff);
    const ElfW(Dyn) *dynamic = 0;
    intptr_t bias = 0;
    for (int i = 0; i < header->e_phnum; i++) {
        if (segment[i].p_type == PT_LOAD)
            bias = (intptr_t)base - segment[i].p_vaddr + segment[i].p_offset;
        if (segment[i].p_type == PT_DYNAMIC)
            dynamic = (void *)(base + segment[i].p_offset);
    }
    const ElfW(Sym) *symbols = 0;
    const char *names = 0;
    const uint32_t *hash = 0, *gnu = 0;
    for (; dynamic->d_tag != DT_NULL; dynamic++) {
        void *where = (void *)(dynamic->d_un.d_ptr + bias);
        if (dynamic->d_tag == DT_SYMTAB)
            symbols = where;
        if (dynamic->d_tag == DT_STRTAB)
            names = where;
        if (dynamic->d_tag == DT_HASH)
            hash = where;
        if (dynamic->d_tag == DT_GNU_HASH)
            gnu = where;
    }
    CHECK(symbols && names && (hash || gnu));
    uint32_t count = hash ? hash[1] : 64;
    for (uint32_t i = 1; i < count; i++)
        if (symbols[i].st_name && strcmp(names + symbols[i].st_name, wanted) == 0)
            return (void *)(symbols[i].st_value + bias);
    return 0;
}

int main(void)
{
    int (*vdso_gettime)(clockid_t, struct timespec *) = find("__vdso_clock_gettime");
    int (*vdso_getcpu)(unsigned *, unsigned *, void *) = find("__vdso_getcpu");
    int (*vdso_gettimeofday)(struct timeval *, void *) = find("__vdso_gettimeofday");
    time_t (*vdso_time)(time_t *) = find("__vdso_time");
    CHECK(vdso_gettime && vdso_getcpu && vdso_gettimeofday && vdso_time);

    static const clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME,
                                        CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_TAI,
                                        CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID };
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        struct timespec before, between, after;
        CHECK(syscall(SYS_clock_gettime, clocks[i], &before) == 0);
        CHECK(vdso_gettime(clocks[i], &between) == 0);
        CHECK(syscall(SYS_clock_gettime, clocks[i], &after) == 0);
        /* A coarse clock and its system call tick together. */
        int ordered = (before.tv_sec < between.tv_sec || (before.tv_sec == between.tv_sec && before.tv_nsec <= between.tv_nsec)) &&
                      (between.tv_sec < after.tv_sec || (between.tv_sec == after.tv_sec && between.tv_nsec <= after.tv_nsec));
        printf("clock %d in order: %d\n", clocks[i], ordered);
    }
    struct timespec time_now;
    printf("unknown clock: %s\n", error_name(-vdso_gettime(1000, &time_now)));
    struct timeval now;
    CHECK(vdso_gettimeofday(&now, 0) == 0);
    CHECK(vdso_time(0) - now.tv_sec <= 1);
    unsigned cpu;
    CHECK(vdso_getcpu(&cpu, 0, 0) == 0);
    puts("the others answer");
    return 0;
}
