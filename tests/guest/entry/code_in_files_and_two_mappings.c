// Code that is mapped from a file, shared or private, and code written through a second mapping of the same memory: each
// runs as it stands, and nothing but what the program wrote is ever in the file.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "check.h"

static const unsigned char code[] = { 0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0x90, 0x90, 0x90, 0x90, 0xc3 };

static void check_bytes(int file, const char *what)
{
    unsigned char bytes[4096], expected[4096];
    memset(expected, 0xcc, sizeof expected);
    for (int i = 0; i < 100; i++)
        memcpy(expected + 32 * i, code, sizeof code);
    CHECK(pread(file, bytes, sizeof bytes, 0) == sizeof bytes);
    printf("%s: file %s\n", what, memcmp(bytes, expected, sizeof bytes) == 0 ? "unchanged" : "changed");
}

static void run(unsigned char *page)
{
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 100; i++)
            CHECK(((long (*)(void))(page + 32 * i))() == getpid());
}

int main(void)
{
    static const char *const kinds[] = { "a file", "a memfd" };
    for (int kind = 0; kind < 2; kind++) {
        int file = kind ? memfd_create("code", 0) : open("code", O_RDWR | O_CREAT, 0700);
        unsigned char page[4096];
        memset(page, 0xcc, sizeof page);
        for (int i = 0; i < 100; i++)
            memcpy(page + 32 * i, code, sizeof code);
        CHECK(file >= 0 && write(file, page, sizeof page) == sizeof page);
        puts(kinds[kind]);

        unsigned char *private = mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0);
        CHECK(private != MAP_FAILED);
        run(private);
        check_bytes(file, "private");
        unsigned char *shared = mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0);
        CHECK(shared != MAP_FAILED);
        run(shared);
        check_bytes(file, "shared");

        /* As compilers at run time do that never have memory both writable and executable. */
        unsigned char *writable = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        CHECK(writable != MAP_FAILED);
        for (int round = 0; round < 20; round++) {
            int number = round % 2 ? 39 : 110;
            memcpy(writable + 1, &number, 4);
            CHECK(((long (*)(void))shared)() == (round % 2 ? getpid() : getppid()));
        }
        puts("rewritten through the other mapping");
        for (int i = 0; i < 100; i++) {
            memcpy(writable + 32 * i, "\xb8\x07\x00\x00\x00\x90\x90\xc3", 8);
            CHECK(((long (*)(void))(shared + 32 * i))() == 7);
            memcpy(writable + 32 * i, code, sizeof code);
            CHECK(((long (*)(void))(shared + 32 * i))() == getpid());
        }
        check_bytes(file, "in the end");
        CHECK(munmap(private, 4096) == 0 && munmap(shared, 4096) == 0 && munmap(writable, 4096) == 0 && close(file) == 0);
    }
    return 0;
}
