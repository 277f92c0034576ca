/* What a system call copies to and from memory that ends within a buffer. */
#include "../check.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MOST = 80 };

int main(void) {
    char path[] = "/tmp/partial-XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    CHECK(unlink(path) == 0);
    char bytes[MOST];
    for (int i = 0; i < MOST; i++) bytes[i] = i + 1;
    CHECK(pwrite(fd, bytes, MOST, 0) == MOST);

    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
    CHECK(mprotect(pages + 4096, 4096, PROT_NONE) == 0);

    for (int len = 1; len <= MOST; len++) {
        for (int room = 0; room <= len; room++) {
            char *at = pages + 4096 - room;
            memset(pages, 0, 4096);
            ssize_t got = pread(fd, at, len, 0);
            if (room == 0) {
                CHECK(got == -1 && errno == EFAULT);
                continue;
            }
            if (got != room || memcmp(at, bytes, room) || at[-1]) {
                printf("%d of %d bytes: %zd\n", room, len, got);
                return 1;
            }
        }
    }
    puts("ok");
    return 0;
}
