// Data written in all sizes is read back the same; ten thousand files side by side; a file of 200 MiB.
#include <fcntl.h>
#include <sys/stat.h>
#include "check.h"

static unsigned char pattern(size_t offset)
{
    return offset * 2654435761u >> 13;
}

int main(void)
{
    int file = open("file", O_RDWR | O_CREAT, 0600);
    static unsigned char buffer[100000];
    size_t total = 0, size = 1;
    while (total < 5000000) {
        for (size_t i = 0; i < size; i++)
            buffer[i] = pattern(total + i);
        CHECK(write(file, buffer, size) == (ssize_t)size);
        total += size;
        size = (size * 7 + 3) % 99991 + 1;
    }
    CHECK(lseek(file, 0, SEEK_SET) == 0);
    size_t at = 0;
    ssize_t length;
    while ((length = read(file, buffer, at % 77777 + 1)) > 0) {
        for (ssize_t i = 0; i < length; i++)
            CHECK(buffer[i] == pattern(at + i));
        at += length;
    }
    CHECK(at == total);
    for (int i = 0; i < 1000; i++) {
        size_t offset = (i * 4999999u) % (total - 9000), count = i * 9 + 1;
        CHECK(pread(file, buffer, count, offset) == (ssize_t)count);
        for (size_t j = 0; j < count; j++)
            CHECK(buffer[j] == pattern(offset + j));
    }
    puts("read back");

    CHECK(mkdir("many", 0700) == 0 && chdir("many") == 0);
    char name[32];
    for (int i = 0; i < 10000; i++) {
        snprintf(name, sizeof name, "%d", i);
        int small = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
        CHECK(small >= 0 && write(small, name, strlen(name)) == (ssize_t)strlen(name) && close(small) == 0);
    }
    for (int i = 9999; i >= 0; i--) {
        snprintf(name, sizeof name, "%d", i);
        char text[32] = "";
        int small = open(name, O_RDONLY);
        CHECK(small >= 0 && read(small, text, sizeof text) == (ssize_t)strlen(name) && close(small) == 0);
        CHECK(strcmp(text, name) == 0 && unlink(name) == 0);
    }
    puts("ten thousand files");
    CHECK(chdir("..") == 0 && rmdir("many") == 0);

    int large = open("large", O_RDWR | O_CREAT, 0600);
    memset(buffer, 'x', sizeof buffer);
    for (int i = 0; i < 2100; i++)
        CHECK(write(large, buffer, sizeof buffer) == sizeof buffer);
    struct stat status;
    CHECK(fstat(large, &status) == 0);
    printf("%ld bytes\n", (long)status.st_size);
    CHECK(close(large) == 0 && unlink("large") == 0);
    return 0;
}
