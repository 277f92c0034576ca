// A mapping that is longer than its file: the rest is a bus error until the file grows, and again once it shrinks.
#include <fcntl.h>
#include "mapping.h"

int main(void)
{
    int file = open("file", O_RDWR | O_CREAT, 0600);
    CHECK(file >= 0 && write(file, "first", 5) == 5);
    char *shared = mmap(0, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    char *private = mmap(0, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    CHECK(shared != MAP_FAILED && private != MAP_FAILED);
    printf("inside: %s, %s\n", reading(shared), reading(private));
    printf("beyond: %s, %s\n", reading(shared + PAGE), reading(private + PAGE));

    CHECK(pwrite(file, "third", 6, 2 * PAGE) == 6);
    printf("grown: %s, %s\n", shared + 2 * PAGE, private + 2 * PAGE);
    printf("hole: %d, %d\n", shared[PAGE], private[PAGE]);
    printf("beyond: %s, %s\n", reading(shared + 3 * PAGE), reading(private + 3 * PAGE));
    strcpy(shared + 2 * PAGE, "changed");
    char text[8];
    CHECK(pread(file, text, 8, 2 * PAGE) == 6);
    CHECK(ftruncate(file, 5 * PAGE) == 0);
    strcpy(shared + 4 * PAGE, "fifth");
    CHECK(pread(file, text, 8, 4 * PAGE) == 8);
    puts(text);

    CHECK(ftruncate(file, PAGE) == 0);
    printf("shrunk: %s, %s\n", reading(shared + 2 * PAGE), reading(private + 2 * PAGE));
    CHECK(ftruncate(file, 3 * PAGE) == 0);
    printf("grown again: %s, %s, %d\n", reading(shared + 2 * PAGE), reading(private + 2 * PAGE), shared[2 * PAGE]);
    printf("first: %.5s, %.5s\n", shared, private);

    /* What is punched out of a file is zero in its mappings. */
    CHECK(pwrite(file, "data", 5, PAGE) == 5);
    CHECK(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, PAGE) == 0);
    printf("punched: %d\n", shared[PAGE]);
    shared[PAGE] = 'x';
    CHECK(pread(file, text, 1, PAGE) == 1);
    printf("written again: %c\n", text[0]);
    return 0;
}
