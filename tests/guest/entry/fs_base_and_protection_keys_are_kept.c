// The thread pointer, also when set without a system call, and the protection-key register survive system calls.
// build: -mfsgsbase -mpku -fno-stack-protector
#include <asm/prctl.h>
#include <cpuid.h>
#include <immintrin.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include "check.h"

static inline long raw(long number, long first, long second)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(first), "S"(second) : "rcx", "r11", "memory");
    return result;
}

int main(void)
{
    static uint64_t block[64];
    long own = raw(SYS_getpid, 0, 0), pid = 0, set = 0, error = 0, seen = 0, kept = 1;
    if (getauxval(AT_HWCAP2) & 2) { /* HWCAP2_FSGSBASE */
        unsigned long before = _readfsbase_u64();
        /* No library function between here and the restore: they use the thread pointer. */
        _writefsbase_u64((uintptr_t)block);
        for (int i = 0; i < 10; i++) {
            pid = raw(SYS_getpid, 0, 0);
            error = raw(SYS_arch_prctl, ARCH_GET_FS, (long)&seen);
            kept &= _readfsbase_u64() == (uintptr_t)block && pid == own && error == 0 && seen == (long)block;
        }
        set = raw(SYS_arch_prctl, ARCH_SET_FS, (long)(block + 8));
        kept &= set == 0 && _readfsbase_u64() == (uintptr_t)(block + 8);
        _writefsbase_u64(before);
    }
    printf("thread pointer kept: %ld\n", kept);
    CHECK(raw(SYS_arch_prctl, ARCH_SET_FS, -4096) == -EPERM);
    CHECK(raw(SYS_arch_prctl, ARCH_GET_FS, 1) == -EFAULT);
    CHECK(raw(SYS_arch_prctl, 0x9999, 0) == -EINVAL);

    unsigned a, b, c = 0, d;
    __get_cpuid_count(7, 0, &a, &b, &c, &d);
    if (c & (1 << 4)) { /* OSPKE */
        unsigned before = _rdpkru_u32();
        _wrpkru(before & ~0xc0u);
        for (int i = 0; i < 10; i++) {
            CHECK(getpid() == own);
            kept &= _rdpkru_u32() == (before & ~0xc0u);
        }
        _wrpkru(before);
    }
    printf("protection keys kept: %ld\n", kept);
    return !kept;
}
