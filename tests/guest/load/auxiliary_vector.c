// The initial stack: argument and environment strings, and the auxiliary vector's entries.
// args: one two
// env: GUEST=yes
#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include "check.h"

extern char **environ;
extern char _start[];
extern const ElfW(Ehdr) __ehdr_start;

int main(int argc, char **argv)
{
    printf("argc %d: %s %s, then %s\n", argc, argv[1], argv[2], argv[3] ? "more" : "null");
    CHECK((void *)(argv + argc + 1) == environ);
    printf("GUEST=%s\n", getenv("GUEST"));

    char **entry = environ;
    while (*entry)
        entry++;
    ElfW(auxv_t) *auxv = (void *)(entry + 1);
    CHECK((uintptr_t)auxv % 8 == 0);
    int seen[64] = { 0 };
    for (; auxv->a_type != AT_NULL; auxv++)
        if (auxv->a_type < 64)
            seen[auxv->a_type]++;
    for (int type = 0; type < 64; type++)
        CHECK(seen[type] <= 1);
    static const int wanted[] = { AT_PHDR, AT_PHENT, AT_PHNUM, AT_PAGESZ, AT_BASE, AT_FLAGS, AT_ENTRY, AT_UID, AT_EUID, AT_GID,
                                  AT_EGID, AT_PLATFORM, AT_HWCAP, AT_CLKTCK, AT_SECURE, AT_RANDOM, AT_EXECFN, AT_SYSINFO_EHDR };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        printf("entry %d: %d\n", wanted[i], seen[wanted[i]]);

    printf("page size %lu, clock ticks %lu, secure %lu, flags %lu\n", getauxval(AT_PAGESZ), getauxval(AT_CLKTCK),
           getauxval(AT_SECURE), getauxval(AT_FLAGS));
    printf("platform %s, capabilities %#lx %#lx\n", (char *)getauxval(AT_PLATFORM), getauxval(AT_HWCAP), getauxval(AT_HWCAP2));
    printf("ids agree: %d\n", getauxval(AT_UID) == getuid() && getauxval(AT_EUID) == geteuid() &&
                                  getauxval(AT_GID) == getgid() && getauxval(AT_EGID) == getegid());
    printf("program headers agree: %d, count %d, %lu bytes each\n",
           (void *)getauxval(AT_PHDR) == (char *)&__ehdr_start + __ehdr_start.e_phoff, getauxval(AT_PHNUM) == __ehdr_start.e_phnum,
           getauxval(AT_PHENT));
    printf("entry agrees: %d\n", (void *)getauxval(AT_ENTRY) == _start);
    printf("name agrees: %d\n", strcmp((char *)getauxval(AT_EXECFN), argv[0]) == 0);
    const char *slash = strrchr((char *)getauxval(AT_EXECFN), '/');
    printf("name: %s\n", slash ? slash + 1 : "no slash");

    const ElfW(Ehdr) *interpreter = (void *)getauxval(AT_BASE);
    printf("interpreter: %d\n", memcmp(interpreter, ELFMAG, SELFMAG) == 0 && interpreter->e_type == ET_DYN);
    const ElfW(Ehdr) *vdso = (void *)getauxval(AT_SYSINFO_EHDR);
    printf("vdso: %d\n", memcmp(vdso, ELFMAG, SELFMAG) == 0 && vdso->e_type == ET_DYN);
    unsigned char *random = (unsigned char *)getauxval(AT_RANDOM);
    int nonzero = 0;
    for (int i = 0; i < 16; i++)
        nonzero += random[i] != 0;
    printf("random: %d\n", nonzero > 8);
    return 0;
}
