// The host's files can be read and listed; a change to them is seen by the program, and nobody else.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "check.h"

int main(void)
{
    char line[256] = "";
    FILE *file = fopen("/etc/passwd", "r");
    CHECK(file && fgets(line, sizeof line, file));
    printf("%s", line);
    fclose(file);
    int entries = 0;
    DIR *directory = opendir("/usr/bin");
    CHECK(directory);
    while (readdir(directory))
        entries++;
    closedir(directory);
    printf("%d entries in /usr/bin\n", entries);
    struct stat status;
    CHECK(stat("/usr/bin/env", &status) == 0);
    printf("env: %o, %ld bytes, at %ld\n", status.st_mode, (long)status.st_size, (long)status.st_mtime);
    CHECK(lstat("/bin", &status) == 0);
    printf("/bin is a link: %d\n", S_ISLNK(status.st_mode));
    printf("the root has %s\n", access("/usr/../etc/./passwd", R_OK) == 0 ? "what it should" : "nothing");
    return 0;
}
