// A dynamically linked program, run again and again. Each run finds its libraries as the file has them, whatever earlier
// runs wrote into them, and protected as they should be: as far as the program's own code is concerned.
#include "process.h"
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <setjmp.h>

enum { RUNS = 24, PAGE = 4096 };
static sigjmp_buf escape;

static void on_fault(int signal)
{
    siglongjmp(escape, signal);
}

static int write_to(volatile char *at)
{
    int signal = sigsetjmp(escape, 1);
    if (signal == 0)
        *at = *at;
    return signal;
}

static int run_at(void (*at)(void))
{
    int signal = sigsetjmp(escape, 1);
    if (signal == 0)
        at();
    return signal;
}

struct found {
    const char *name;
    char *text, *data, *relro, *head;
    size_t data_len, relro_len, head_len;
};

static int look(struct dl_phdr_info *info, size_t size, void *to)
{
    struct found *found = to;
    (void)size;
    if (!strstr(info->dlpi_name, found->name))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        char *at = (char *)info->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_LOAD && header->p_flags & PF_X)
            found->text = at;
        if (header->p_type == PT_LOAD && header->p_flags == PF_R && header->p_offset == 0) {
            found->head = at;
            found->head_len = header->p_memsz;
        }
        if (header->p_type == PT_LOAD && header->p_flags & PF_W) {
            found->data = at;
            found->data_len = header->p_memsz;
        }
        if (header->p_type == PT_GNU_RELRO) {
            found->relro = at;
            found->relro_len = header->p_memsz;
        }
    }
    return 1;
}

/* What the linker leaves writable: behind the part that is protected again, which ends at a page. */
static char *writable(struct found *found)
{
    return (char *)((uintptr_t)(found->relro + found->relro_len) / PAGE * PAGE);
}

static int run(char **args)
{
    int mark = atoi(args[0]);
    struct found libc = { .name = "libc.so" };
    if (!dl_iterate_phdr(look, &libc) || !libc.text || !libc.data || !libc.relro || !libc.head)
        return 90;
    void *handle = dlopen("libc.so.6", RTLD_NOW);
    int *optind_of_libc = dlsym(handle, "optind");
    long *timezone_of_libc = dlsym(handle, "timezone");
    if (!handle || *optind_of_libc != 1 || *timezone_of_libc != 0)
        return 91;
    *optind_of_libc = mark + 1000;
    *timezone_of_libc = mark;
    struct sigaction action = { .sa_handler = on_fault };
    sigaction(SIGSEGV, &action, 0);
    if (write_to(libc.text) != SIGSEGV || write_to(libc.head) != SIGSEGV || write_to(libc.relro) != SIGSEGV)
        return 92;
    if (write_to(writable(&libc)) != 0)
        return 93;
    /* Something that would return if it ran. */
    char *ret = memchr(libc.head, 0xc3, libc.head_len);
    if (ret && run_at((void (*)(void))ret) != SIGSEGV)
        return 94;
    /* The same file once more, to be read: as it is on the disk. */
    struct link_map *map;
    if (dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0)
        return 95;
    struct stat stat;
    int fd = open(map->l_name, O_RDONLY);
    if (fd == -1 || fstat(fd, &stat) != 0)
        return 97;
    char *mapped = mmap(0, stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    char *bytes = malloc(stat.st_size);
    if (mapped == MAP_FAILED || !bytes || pread(fd, bytes, stat.st_size, 0) != stat.st_size)
        return 98;
    if (memcmp(mapped, bytes, stat.st_size) != 0)
        return 99;
    if (mark % 4 == 0)
        CHECK(munmap(mapped, stat.st_size) == 0);
    if (mark % 5 == 0)
        raise(SIGKILL);
    if (mark % 6 == 0)
        CHECK(mprotect((char *)((uintptr_t)libc.relro / PAGE * PAGE), PAGE, PROT_READ | PROT_WRITE) == 0);
    if (mark % 7 == 0)
        return execl("/proc/self/exe", "self", "run", "1", (char *)0);
    return mark;
}

static int test(void)
{
    for (int i = 1; i <= RUNS; i++)
        show_end("spawned", SPAWN("run", text_of(i)));
    pid_t children[6];
    for (int i = 0; i < 6; i++)
        children[i] = SPAWN("run", text_of(i + 1));
    for (int i = 0; i < 6; i++)
        show_end("of six at once", children[i]);
    return 0;
}

PROGRAM(test, { "run", run })
