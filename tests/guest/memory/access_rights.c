// Each protection, each access, and the fault that it raises.
#include "mapping.h"

int main(void)
{
    static const struct {
        const char *name;
        int value;
    } protections[] = {
        { "none", PROT_NONE }, { "r", PROT_READ }, { "rw", PROT_READ | PROT_WRITE }, { "rx", PROT_READ | PROT_EXEC },
        { "rwx", PROT_READ | PROT_WRITE | PROT_EXEC },
    };
    unsigned char *page = pages(1);
    *page = 0xc3;
    for (size_t i = 0; i < sizeof protections / sizeof *protections; i++) {
        CHECK(mprotect(page, PAGE, protections[i].value) == 0);
        printf("%s: reading %s; writing %s; ", protections[i].name, reading(page), writing(page));
        int signal = sigsetjmp(fault_return, 1);
        if (signal == 0)
            ((void (*)(void))page)();
        printf("running %s; in the map %s\n", signal ? "SIGSEGV" : "fine", permissions(page));
    }
    printf("null: %s\n", reading((void *)8));
    printf("kernel half: %s\n", sigsetjmp(fault_return, 1) ? "SIGSEGV" : (*(volatile char *)0xffffffff81000000, "fine"));
    printf("non-canonical: %s\n", sigsetjmp(fault_return, 1) ? "SIGSEGV" : (*(volatile char *)0x8000000000000000, "fine"));
    return 0;
}
