// A library opened at run time makes system calls of its own; closed and opened again, it still does.
// library: own_syscalls.c
// build: -ldl -Wl,-rpath,$ORIGIN
#include <dlfcn.h>
#include "check.h"

int main(void)
{
    for (int round = 0; round < 50; round++) {
        void *library = dlopen("own_syscalls.so", RTLD_NOW);
        if (!library)
            fprintf(stderr, "%s\n", dlerror());
        CHECK(library);
        long (*pid)(void) = (long (*)(void))dlsym(library, "library_getpid");
        long (*constructed)(void) = (long (*)(void))dlsym(library, "library_constructed");
        long (*close_it)(int) = (long (*)(int))dlsym(library, "library_close");
        CHECK(pid && constructed && close_it);
        CHECK(constructed() == getpid());
        for (int call = 0; call < 3; call++) {
            CHECK(pid() == getpid());
            CHECK(close_it(-1) == -EBADF);
        }
        CHECK(dlclose(library) == 0);
    }
    puts("opened 50 times");
    return 0;
}
