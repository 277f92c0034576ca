// A file of /proc/self/fdinfo that is read by the very descriptor that it tells of, and one that tells of a directory.
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "../check.h"

int main(void) {
    int fd = dup(0);
    CHECK(fd >= 0);
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    int info = open(path, O_RDONLY);
    CHECK(info >= 0);
    // The name is looked up again, and by then it stands for the file itself.
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", info);
    int self = open(path, O_RDONLY);
    CHECK(self >= 0);
    CHECK(dup2(self, info) == info);
    ssize_t count = read(info, text, sizeof text - 1);
    CHECK(count > 0);
    text[count] = 0;
    unsigned long long position = 1;
    CHECK(sscanf(text, "pos:\t%llu", &position) == 1);
    printf("position %llu\n", position);

    int directory = open("/", O_RDONLY | O_DIRECTORY);
    CHECK(directory >= 0);
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", directory);
    info = open(path, O_RDONLY);
    CHECK(info >= 0);
    count = read(info, text, sizeof text - 1);
    CHECK(count > 0);
    text[count] = 0;
    position = 1;
    CHECK(sscanf(text, "pos:\t%llu", &position) == 1);
    printf("position of a directory %llu\n", position);
    return 0;
}
