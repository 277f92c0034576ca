// memfd_create: a file without a name; its size, mappings and seals.
#include <fcntl.h>
#include <sys/stat.h>
#include "mapping.h"

int main(void)
{
    int file = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CHECK(file >= 0);
    struct stat status;
    CHECK(fstat(file, &status) == 0);
    printf("mode %o, size %ld, links %ld\n", status.st_mode, (long)status.st_size, (long)status.st_nlink);
    CHECK(fcntl(file, F_GETFD) == FD_CLOEXEC);
    CHECK(ftruncate(file, 2 * PAGE) == 0);
    char *a = mmap(0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(a != MAP_FAILED);
    strcpy(a, "through the mapping");
    char text[32] = "";
    CHECK(pread(file, text, sizeof text, 0) == sizeof text);
    puts(text);
    SHOW_VALUE(fcntl(file, F_GET_SEALS));
    SHOW(fcntl(file, F_ADD_SEALS, F_SEAL_WRITE));
    SHOW(fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW));
    SHOW(ftruncate(file, PAGE));
    SHOW(ftruncate(file, 3 * PAGE));
    SHOW(pwrite(file, "x", 1, 2 * PAGE));
    CHECK(munmap(a, 2 * PAGE) == 0);
    SHOW(fcntl(file, F_ADD_SEALS, F_SEAL_WRITE));
    SHOW(pwrite(file, "x", 1, 0));
    SHOW(mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
    SHOW(mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0));
    SHOW(fcntl(file, F_ADD_SEALS, F_SEAL_SEAL));
    SHOW(fcntl(file, F_ADD_SEALS, F_SEAL_SEAL));
    SHOW_VALUE(fcntl(file, F_GET_SEALS));

    int plain = memfd_create("", 0);
    CHECK(plain >= 0 && fcntl(plain, F_GETFD) == 0);
    SHOW_VALUE(fcntl(plain, F_GET_SEALS));
    SHOW(fcntl(plain, F_ADD_SEALS, F_SEAL_GROW));
    SHOW(memfd_create("x", 0x8000));
    SHOW(memfd_create((char *)1, 0));
    char name[300];
    memset(name, 'n', sizeof name);
    name[249] = 0;
    SHOW(memfd_create(name, 0) >= 0 ? 0 : -1);
    name[249] = 'n', name[250] = 0;
    SHOW(memfd_create(name, 0));
    return 0;
}
