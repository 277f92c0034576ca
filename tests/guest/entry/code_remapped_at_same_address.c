// Code that is unmapped, and other code mapped where it was: what was known of the old code must be forgotten.
#include <stdint.h>
#include <sys/mman.h>
#include "check.h"

/* mov $number, %eax; syscall; nops; ret, with `shift` nops first. */
static size_t generate(unsigned char *at, int number, int shift)
{
    unsigned char *start = at;
    while (shift-- > 0)
        *at++ = 0x90;
    *at++ = 0xb8;
    memcpy(at, &number, 4);
    at += 4;
    memcpy(at, "\x0f\x05\x90\x90\x90\x90\xc3", 7);
    return at + 7 - start;
}

static unsigned char *const base = (unsigned char *)0x100000000000;

static unsigned char *map(int protection)
{
    unsigned char *page = mmap(base, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    CHECK(page == base);
    return page;
}

static long run(void)
{
    return ((long (*)(void))base)();
}

static long expected(int number)
{
    switch (number) {
    case 39:
        return getpid();
    case 110:
        return getppid();
    case 102:
        return getuid();
    default:
        return -ENOSYS;
    }
}

int main(void)
{
    static const int numbers[] = { 39, 110, 102, 1000000 };
    for (int round = 0; round < 64; round++) {
        int number = numbers[round % 4], shift = round % 7;
        switch (round % 5) {
        case 0: /* unmapped and mapped anew */
            if (round)
                CHECK(munmap(base, 4096) == 0);
            /* fall through */
        case 1: /* mapped over */
            generate(map(PROT_READ | PROT_WRITE), number, shift);
            CHECK(mprotect(base, 4096, PROT_READ | PROT_EXEC) == 0);
            break;
        case 2: /* made writable, rewritten, made executable */
            CHECK(mprotect(base, 4096, PROT_READ | PROT_WRITE) == 0);
            generate(base, number, shift);
            CHECK(mprotect(base, 4096, PROT_READ | PROT_EXEC) == 0);
            break;
        case 3: /* thrown away */
            CHECK(madvise(base, 4096, MADV_DONTNEED) == 0);
            CHECK(mprotect(base, 4096, PROT_READ | PROT_WRITE) == 0);
            generate(base, number, shift);
            CHECK(mprotect(base, 4096, PROT_READ | PROT_EXEC) == 0);
            break;
        default: { /* moved there from elsewhere */
            unsigned char *other = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            CHECK(other != MAP_FAILED);
            generate(other, number, shift);
            CHECK(mprotect(other, 4096, PROT_READ | PROT_EXEC) == 0);
            CHECK(((long (*)(void))other)() == expected(number));
            CHECK(mremap(other, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, base) == base);
        }
        }
        for (int call = 0; call < 3; call++)
            CHECK(run() == expected(number));
    }
    puts("each code ran as it was mapped");

    /* Plain data where code was. */
    map(PROT_READ | PROT_WRITE);
    for (int i = 0; i < 4096; i++)
        CHECK(base[i] == 0);
    puts("data where code was is zero");
    return 0;
}
