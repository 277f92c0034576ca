/* A library with system calls of its own, in its text and in its constructor. */
#include <sys/syscall.h>

static long constructed;

long library_getpid(void)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(SYS_getpid) : "rcx", "r11", "memory");
    return result;
}

long library_close(int descriptor)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(SYS_close), "D"((long)descriptor) : "rcx", "r11", "memory");
    return result;
}

long library_constructed(void)
{
    return constructed;
}

__attribute__((constructor)) static void construct(void)
{
    constructed = library_getpid();
}
