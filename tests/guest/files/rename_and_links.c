// rename, renameat2, link, symlink, readlink, unlink of what is open.
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "check.h"

static char buffer[256];

static void make(const char *name, const char *text)
{
    int file = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK(file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text) && close(file) == 0);
}

static const char *contents(const char *name)
{
    int file = open(name, O_RDONLY);
    if (file < 0)
        return error_name(errno);
    ssize_t length = read(file, buffer, sizeof buffer - 1);
    CHECK(length >= 0 && close(file) == 0);
    buffer[length] = 0;
    return buffer;
}

int main(void)
{
    make("a", "first");
    make("b", "second");
    int open_b = open("b", O_RDONLY);
    SHOW(rename("a", "b"));
    printf("b: %s, ", contents("b"));
    printf("a: %s\n", contents("a"));
    memset(buffer, 0, sizeof buffer);
    CHECK(read(open_b, buffer, sizeof buffer) == 6);
    printf("what was open: %s\n", buffer);
    struct stat status;
    CHECK(fstat(open_b, &status) == 0);
    printf("links left: %ld\n", (long)status.st_nlink);

    CHECK(mkdir("d", 0700) == 0 && mkdir("e", 0700) == 0 && mkdir("d/sub", 0700) == 0);
    make("a", "file");
    SHOW(rename("a", "d"));
    SHOW(rename("d", "a"));
    SHOW(rename("d", "d/sub/x"));
    SHOW(rename("e", "d"));
    SHOW(rename("d/sub", "e"));
    SHOW(rename("missing", "x"));
    SHOW(rename("a", "missing/x"));
    SHOW(rename("a", "a"));
    SHOW(rename("d", "."));
    SHOW(rename(".", "x"));
    SHOW(rename("a/", "x"));
    SHOW(rename("a", ""));
    SHOW(link("a", "hard"));
    /* Two names of one file: rename does nothing. */
    SHOW(rename("a", "hard"));
    printf("both there: %d %d\n", access("a", F_OK), access("hard", F_OK));

    SHOW(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE));
    SHOW(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE));
    printf("exchanged: %s, ", contents("a"));
    printf("%s\n", contents("b"));
    SHOW(renameat2(AT_FDCWD, "a", AT_FDCWD, "missing", RENAME_EXCHANGE));
    SHOW(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE | RENAME_NOREPLACE));
    SHOW(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", 0x100));

    SHOW(link("a", "b"));
    SHOW(link("missing", "x"));
    SHOW(link("d", "x"));
    SHOW(linkat(AT_FDCWD, "a", AT_FDCWD, "x", 0x8));
    CHECK(stat("b", &status) == 0);
    printf("links: %ld\n", (long)status.st_nlink);
    SHOW(symlink("b", "sym"));
    SHOW(symlink("b", "sym"));
    SHOW(symlink("", "x"));
    SHOW(link("sym", "hard-to-sym"));
    CHECK(lstat("hard-to-sym", &status) == 0);
    printf("a link to the link: %d\n", S_ISLNK(status.st_mode));
    SHOW_VALUE(readlink("sym", buffer, sizeof buffer));
    SHOW_VALUE(readlink("hard-to-sym", buffer, 0));
    SHOW_VALUE(readlink("a", buffer, sizeof buffer));
    SHOW_VALUE(readlink("missing", buffer, sizeof buffer));
    char target[200];
    memset(target, 't', 199);
    target[199] = 0;
    SHOW(symlink(target, "long"));
    SHOW_VALUE(readlink("long", buffer, 10));
    SHOW(rename("sym", "sym2"));
    printf("through the renamed link: %s\n", contents("sym2"));

    /* A chain of links, up to the limit of forty. */
    char name[16], next[16];
    for (int i = 0; i < 41; i++) {
        snprintf(name, sizeof name, "chain%d", i);
        snprintf(next, sizeof next, i ? "chain%d" : "a", i - 1);
        CHECK(symlink(next, name) == 0);
    }
    printf("40 links: %s\n", contents("chain39"));
    printf("41 links: %s\n", contents("chain40"));

    int unlinked = open("gone", O_RDWR | O_CREAT, 0600);
    SHOW(unlink("gone"));
    SHOW_VALUE(write(unlinked, "still", 5));
    SHOW_VALUE(pread(unlinked, buffer, 5, 0));
    CHECK(fstat(unlinked, &status) == 0);
    printf("links of an unlinked file: %ld\n", (long)status.st_nlink);
    ssize_t length;
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", unlinked);
    CHECK((length = readlink(path, buffer, sizeof buffer)) > 10);
    printf("%.*s\n", 15, buffer + length - 15);
    return 0;
}
