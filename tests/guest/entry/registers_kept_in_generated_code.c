// Every register survives system calls from code that the program writes itself: first call and later ones.
#include "probe.h"

struct site {
    const char *name;
    unsigned char code[24];
    size_t length, next;
};

static const struct site sites[] = {
    { "followed by ret", { 0x0f, 0x05, 0xc3 }, 3, 2 },
    { "followed by a nop", { 0x0f, 0x05, 0x0f, 0x1f, 0x44, 0, 0, 0xc3 }, 8, 2 },
    { "after a nop", { 0x0f, 0x1f, 0x44, 0, 0, 0x0f, 0x05, 0xc3 }, 8, 7 },
    { "with a prefix", { 0x48, 0x0f, 0x05, 0x48, 0x89, 0xc0, 0x90, 0xc3 }, 8, 3 },
    { "before single-byte nops", { 0x0f, 0x05, 0x90, 0x90, 0x90, 0x90, 0xc3 }, 7, 2 },
};

int main(void)
{
    for (size_t i = 0; i < sizeof sites / sizeof *sites; i++) {
        /* Written, then made executable. */
        unsigned char *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(page != MAP_FAILED);
        memset(page, 0xcc, 4096);
        memcpy(page + 128, sites[i].code, sites[i].length);
        CHECK(mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0);
        printf("made executable, ");
        probe_site(sites[i].name, page + 128, page + 128 + sites[i].next);
        CHECK(munmap(page, 4096) == 0);

        /* Writable and executable at once. */
        page = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(page != MAP_FAILED);
        memset(page, 0xcc, 4096);
        memcpy(page + 128, sites[i].code, sites[i].length);
        printf("writable, ");
        probe_site(sites[i].name, page + 128, page + 128 + sites[i].next);

        /* At the end of its page, with nothing behind. */
        CHECK(mprotect(page, 4096, PROT_READ | PROT_WRITE) == 0);
        CHECK(munmap(page, 4096) == 0);
        page = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(page != MAP_FAILED);
        CHECK(munmap(page + 4096, 4096) == 0);
        unsigned char *code = page + 4096 - sites[i].length;
        memset(page, 0xcc, 4096);
        memcpy(code, sites[i].code, sites[i].length);
        CHECK(mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0);
        printf("at the end of a page, ");
        probe_site(sites[i].name, code, code + sites[i].next);
        CHECK(munmap(page, 4096) == 0);

        /* At the start of a page, with nothing before it. */
        page = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(page != MAP_FAILED);
        CHECK(munmap(page, 4096) == 0);
        memcpy(page + 4096, sites[i].code, sites[i].length);
        CHECK(mprotect(page + 4096, 4096, PROT_READ | PROT_EXEC) == 0);
        printf("at the start of a page, ");
        probe_site(sites[i].name, page + 4096, page + 4096 + sites[i].next);
        CHECK(munmap(page + 4096, 4096) == 0);
    }
    return 0;
}
