// Twenty thousand random calls on a handful of files, each with its result; the contents at the end.
//
// With any argument it prints the result of each call, to find the first that differs.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include "check.h"

enum { NAMES = 6, FILES = 8, OPERATIONS = 20000, SIZE = 40000 };
static unsigned long state = 99, digest;
static int files[FILES], verbose;
static unsigned char buffer[SIZE];

static unsigned next(unsigned below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
}

static void note(long value)
{
    if (verbose)
        printf("  %ld\n", value == -1 ? -errno : value);
    digest = (digest ^ (value == -1 ? -errno : value)) * 0x100000001b3u;
}

static void note_bytes(long length)
{
    note(length);
    for (long i = 0; i < length; i++)
        digest = (digest ^ buffer[i]) * 0x100000001b3u;
}

int main(int argc, char **argv)
{
    (void)argv;
    verbose = argc > 1;
    CHECK(mkdir("d", 0700) == 0);
    static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR, O_RDWR | O_APPEND, O_RDWR | O_TRUNC, O_RDWR | O_EXCL | O_CREAT };
    for (int i = 0; i < FILES; i++)
        files[i] = -1;
    for (int operation = 0; operation < OPERATIONS; operation++) {
        char name[16], other[16];
        snprintf(name, sizeof name, next(2) ? "n%d" : "d/n%d", next(NAMES));
        snprintf(other, sizeof other, next(2) ? "n%d" : "d/n%d", next(NAMES));
        int slot = next(FILES), file = files[slot], size = next(next(4) ? 500 : SIZE), offset = next(SIZE);
        struct stat status;
        struct iovec vector[3] = { { buffer, size / 3 }, { buffer + size / 3, 0 }, { buffer + size / 3, size - size / 3 } };
        int kind = next(20);
        if (verbose)
            printf("%d: kind %d, slot %d, %s, %s, size %d, offset %d\n", operation, kind, slot, name, other, size, offset);
        switch (kind) {
        case 0:
        case 1:
        case 2:
            if (file >= 0)
                note(close(file));
            files[slot] = open(name, modes[next(6)] | (next(3) ? O_CREAT : 0), 0600);
            note(files[slot] >= 0 ? 1 : -1);
            break;
        case 3:
        case 4:
            memset(buffer, operation, size);
            note(write(file, buffer, size));
            break;
        case 5:
        case 6:
            note_bytes(read(file, buffer, size));
            break;
        case 7:
            memset(buffer, operation, size);
            note(pwrite(file, buffer, size, offset));
            break;
        case 8:
            note_bytes(pread(file, buffer, size, offset));
            break;
        case 9:
            note(lseek(file, offset - 100, next(3)));
            break;
        case 10:
            note(ftruncate(file, offset));
            break;
        case 11:
            note(truncate(name, offset));
            break;
        case 12:
            note(unlink(name));
            break;
        case 13:
            note(rename(name, other));
            break;
        case 14:
            note(link(name, other));
            break;
        case 15:
            if (fstat(file, &status) == 0)
                note(status.st_size * 100 + status.st_nlink);
            else
                note(-1);
            break;
        case 16:
            note(stat(name, &status) == 0 ? status.st_size * 100 + (long)status.st_nlink : -1);
            break;
        case 17:
            note_bytes(readv(file, vector, 3));
            break;
        case 18:
            if (fstat(file, &status) == 0 && status.st_size > 0) {
                unsigned char *map = mmap(0, SIZE, PROT_READ, MAP_SHARED, file, 0);
                if (map == MAP_FAILED) {
                    note(-1);
                    break;
                }
                long length = status.st_size < SIZE ? status.st_size : SIZE;
                memcpy(buffer, map, length);
                note_bytes(length);
                CHECK(munmap(map, SIZE) == 0);
            }
            break;
        default:
            if (file >= 0) {
                note(close(file));
                files[slot] = -1;
            }
        }
        if (operation % 2000 == 1999)
            printf("%d %016lx\n", operation + 1, digest);
    }
    for (int i = 0; i < 2 * NAMES; i++) {
        char name[16];
        struct stat status;
        snprintf(name, sizeof name, i % 2 ? "n%d" : "d/n%d", i / 2);
        if (stat(name, &status) == 0)
            printf("%s: %ld bytes, %ld links\n", name, (long)status.st_size, (long)status.st_nlink);
    }
    return 0;
}
