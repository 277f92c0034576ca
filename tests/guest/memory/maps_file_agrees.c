// /proc/self/maps lists what the program mapped, sorted, without overlaps, with names and permissions.
#include <fcntl.h>
#include "mapping.h"

int main(void)
{
    int file = open("a file", O_RDWR | O_CREAT, 0600);
    CHECK(file >= 0 && ftruncate(file, 4 * PAGE) == 0);
    unsigned char *shared = mmap(0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, PAGE);
    unsigned char *private = mmap(0, 2 * PAGE, PROT_READ, MAP_PRIVATE, file, 0);
    unsigned char *code = mmap(0, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED && private != MAP_FAILED && code != MAP_FAILED);
    void *heap = sbrk(PAGE);

    FILE *maps = fopen("/proc/self/maps", "r");
    CHECK(maps);
    char line[512], local;
    unsigned long last = 0;
    int stacks = 0, heaps = 0, vdso = 0, own = 0;
    char found[3][512] = { "", "", "" };
    while (fgets(line, sizeof line, maps)) {
        unsigned long start, end, offset, inode;
        char permission[8], device[16], name[256] = "";
        CHECK(sscanf(line, "%lx-%lx %7s %lx %15s %lu %255[^\n]", &start, &end, permission, &offset, device, &inode, name) >= 6);
        CHECK(start < end && start >= last);
        last = end;
        if (strcmp(name, "[stack]") == 0) {
            stacks += start <= (uintptr_t)&local && (uintptr_t)&local < end;
            CHECK(strcmp(permission, "rw-p") == 0);
        }
        heaps += strcmp(name, "[heap]") == 0 && start <= (uintptr_t)heap && (uintptr_t)heap < end;
        vdso += strcmp(name, "[vdso]") == 0;
        if (start <= (uintptr_t)main && (uintptr_t)main < end) {
            char exe[256];
            ssize_t length = readlink("/proc/self/exe", exe, sizeof exe - 1);
            CHECK(length > 0);
            exe[length] = 0;
            own += strcmp(exe, name) == 0;
            CHECK(strcmp(permission, "r-xp") == 0);
        }
        const char *base = strrchr(name, '/');
        if (start == (uintptr_t)shared)
            snprintf(found[0], sizeof *found, "shared: %ld pages, %s, offset %lx, %s, inode %d", (end - start) / PAGE, permission, offset, base, inode != 0);
        if (start == (uintptr_t)private)
            snprintf(found[1], sizeof *found, "private: %ld pages, %s, offset %lx, %s", (end - start) / PAGE, permission, offset, base);
        if (start == (uintptr_t)code)
            snprintf(found[2], sizeof *found, "code: %ld pages, %s, name \"%s\", inode %lu, device %s", (end - start) / PAGE, permission, name, inode, device);
    }
    printf("%s\n%s\n%s\n", found[0], found[1], found[2]);
    printf("stack %d, heap %d, vdso %d, program %d\n", stacks, heaps, vdso, own);
    return 0;
}
