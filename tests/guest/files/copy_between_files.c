// sendfile and copy_file_range.
#include <fcntl.h>
#include <sys/sendfile.h>
#include "check.h"

int main(void)
{
    int from = open("from", O_RDWR | O_CREAT, 0600), to = open("to", O_RDWR | O_CREAT, 0600);
    CHECK(write(from, "0123456789", 10) == 10);
    off_t offset = 2;
    char buffer[64] = "";
    SHOW_VALUE(sendfile(to, from, &offset, 5));
    printf("offset %ld\n", (long)offset);
    CHECK(lseek(from, 8, SEEK_SET) == 8);
    SHOW_VALUE(sendfile(to, from, 0, 100));
    SHOW_VALUE(sendfile(to, from, 0, 100));
    SHOW_VALUE(pread(to, buffer, sizeof buffer, 0));
    puts(buffer);
    SHOW(sendfile(99, from, 0, 1));
    SHOW(sendfile(to, 99, 0, 1));
    int append = open("to", O_WRONLY | O_APPEND);
    SHOW(sendfile(append, from, 0, 1));
    loff_t in = 1, out = 20;
    SHOW_VALUE(copy_file_range(from, &in, to, &out, 4, 0));
    printf("%ld %ld\n", (long)in, (long)out);
    SHOW_VALUE(copy_file_range(from, &in, to, &out, 4, 1));
    SHOW_VALUE(copy_file_range(from, &in, append, 0, 4, 0));
    SHOW_VALUE(pread(to, buffer, sizeof buffer, 20));
    puts(buffer);
    return 0;
}
