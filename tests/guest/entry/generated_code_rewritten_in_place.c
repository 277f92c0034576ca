// A compiler at run time writes over its own code without telling anyone: whole functions, and single bytes beside a call.
#include <stdint.h>
#include <sys/mman.h>
#include "check.h"

int main(void)
{
    unsigned char *page = mmap(0, 65536, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    long (*run)(void) = (void *)page;

    /* mov $number, %eax; syscall; ret, the number rewritten each time. */
    unsigned char code[] = { 0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xc3 };
    memcpy(page, code, sizeof code);
    for (int round = 0; round < 20; round++) {
        int number = round % 2 ? 39 : 110;
        memcpy(page + 1, &number, 4);
        CHECK(run() == (round % 2 ? getpid() : getppid()));
    }
    puts("number rewritten");

    /* syscall; mov $value, %eax; ret, the value right behind the call rewritten. */
    unsigned char behind[] = { 0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xb8, 1, 0, 0, 0, 0xc3 };
    memcpy(page + 64, behind, sizeof behind);
    run = (void *)(page + 64);
    for (int value = 0; value < 1000; value += 7) {
        memcpy(page + 64 + 8, &value, 4);
        CHECK(run() == value);
    }
    puts("value behind the call rewritten");

    /* The call itself replaced by other instructions and back. */
    unsigned char call[] = { 0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0x90, 0x90, 0x90, 0xc3 };
    unsigned char nocall[] = { 0xb8, 39, 0, 0, 0, 0x90, 0x90, 0x90, 0x90, 0x90, 0xc3 };
    run = (void *)(page + 128);
    for (int round = 0; round < 20; round++) {
        memcpy(page + 128, round % 2 ? call : nocall, sizeof call);
        CHECK(run() == (round % 2 ? getpid() : 39));
    }
    puts("call replaced and put back");

    /* Many functions, one after the other, as a compiler emits them; each called twice. */
    for (int i = 0; i < 4000; i++) {
        memcpy(page + 256 + 16 * i, code, sizeof code);
        page[256 + 16 * i + 1] = i % 2 ? 39 : 110;
        run = (void *)(page + 256 + 16 * i);
        CHECK(run() == (i % 2 ? getpid() : getppid()));
        CHECK(run() == (i % 2 ? getpid() : getppid()));
    }
    puts("4000 functions emitted");
    return 0;
}
