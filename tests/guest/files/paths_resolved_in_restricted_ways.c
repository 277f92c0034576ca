// openat2: each restriction of how a path is resolved, alone and together, for what exists and what is made.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "check.h"

static int directory;

static int opened(int dir, const char *path, unsigned long flags, unsigned long resolve)
{
    struct open_how how = { .flags = flags, .mode = flags & O_CREAT ? 0600 : 0, .resolve = resolve };
    int file = syscall(SYS_openat2, dir, path, &how, sizeof how);
    if (file >= 0) close(file);
    return file >= 0 ? 0 : -1;
}

static void show_each(const char *path, unsigned long flags)
{
    static const struct { const char *name; unsigned long resolve; } ways[] = {
        { "any way", 0 },
        { "no magic links", RESOLVE_NO_MAGICLINKS },
        { "no links", RESOLVE_NO_SYMLINKS },
        { "beneath", RESOLVE_BENEATH },
        { "beneath, no links", RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS },
        { "in root", RESOLVE_IN_ROOT },
        { "in root, no other file system", RESOLVE_IN_ROOT | RESOLVE_NO_XDEV },
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        errno = 0;
        int result = opened(directory, path, flags, ways[i].resolve);
        printf("%s, %lo, %s: %s\n", path, flags, ways[i].name, result ? error_name(errno) : "OK");
    }
}

int main(void)
{
    char here[4096], link[5000];
    CHECK(getcwd(here, sizeof here));
    CHECK(mkdir("top", 0755) == 0 && mkdir("top/in", 0755) == 0 && mkdir("top/etc", 0755) == 0);
    CHECK(close(creat("outside", 0644)) == 0 && close(creat("top/file", 0644)) == 0);
    CHECK(close(creat("top/in/file", 0644)) == 0 && close(creat("top/etc/only-here", 0644)) == 0);
    CHECK(symlink("in/file", "top/inner") == 0);
    CHECK(symlink("../file", "top/in/up") == 0);
    CHECK(symlink("../../outside", "top/in/out") == 0);
    CHECK(symlink("/etc/only-here", "top/absolute") == 0);
    CHECK(symlink("/proc/self/cwd", "top/magic") == 0);
    CHECK(symlink("in", "top/to-directory") == 0);
    CHECK(symlink("new-by-link", "top/in/dangling") == 0);
    CHECK(symlink("../../new-outside", "top/in/dangling-outside") == 0);
    snprintf(link, sizeof link, "%s/top/file", here);
    CHECK(symlink(link, "top/to-itself") == 0);
    directory = open("top", O_PATH | O_DIRECTORY);
    CHECK(directory >= 0);

    static const char *const paths[] = {
        ".", "..", "../outside", "in/..", "in/../..", "in/../../top/file", "file", "file/", "missing", "inner", "in/up", "in/out",
        "absolute", "/etc/only-here", "/file", "/../file", "/proc", "magic", "magic/outside", "to-directory/file",
        "to-itself", "/", "in/../../../../../../../../../../proc/self/fd",
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) show_each(paths[i], O_RDONLY);
    static const char *const near_and_far[] = { ".", "file", "inner", "in/up", "/proc", "magic", "in/../../../../../../../../../../proc/self/fd" };
    for (size_t i = 0; i < sizeof near_and_far / sizeof *near_and_far; i++) {
        errno = 0;
        int result = opened(directory, near_and_far[i], O_RDONLY, RESOLVE_NO_XDEV);
        printf("%s, no other file system: %s\n", near_and_far[i], result ? error_name(errno) : "OK");
    }
    show_each("inner", O_PATH | O_NOFOLLOW);
    show_each("to-directory/file", O_PATH | O_NOFOLLOW);
    show_each("inner", O_RDONLY | O_NOFOLLOW);
    show_each("file", O_RDWR | O_CREAT);
    show_each("inner", O_RDWR | O_CREAT);
    show_each("in/out", O_RDWR | O_CREAT);
    show_each("in/dangling", O_RDWR | O_CREAT | O_EXCL);
    show_each("in/dangling-outside", O_RDWR | O_CREAT);
    printf("made outside: %d\n", access("new-outside", F_OK));
    show_each("../new", O_RDWR | O_CREAT);
    show_each("/in/new", O_RDWR | O_CREAT);
    show_each(".", O_RDWR | O_TMPFILE);

    // The descriptors of /proc are links to files.
    directory = open("/proc/self/fd", O_PATH | O_DIRECTORY);
    CHECK(directory >= 0);
    int file = open("outside", O_RDONLY);
    char name[16];
    snprintf(name, sizeof name, "%d", dup2(file, 77));
    show_each(name, O_RDONLY);
    directory = AT_FDCWD;
    show_each("outside", O_RDONLY);
    show_each("../", O_RDONLY);
    show_each("/dev/null", O_RDONLY);
    directory = open("outside", O_RDONLY);
    show_each("x", O_RDONLY);
    show_each("/dev/null", O_RDONLY);
    directory = 999;
    show_each("x", O_RDONLY);
    show_each("/dev/null", O_RDONLY);

    struct open_how how = { .flags = O_RDONLY, .resolve = RESOLVE_BENEATH | RESOLVE_IN_ROOT };
    SHOW(syscall(SYS_openat2, AT_FDCWD, "outside", &how, sizeof how));
    how.resolve = 0x40;
    SHOW(syscall(SYS_openat2, AT_FDCWD, "outside", &how, sizeof how));
    how.resolve = 1ul << 40;
    SHOW(syscall(SYS_openat2, AT_FDCWD, "outside", &how, sizeof how));
    how = (struct open_how){ .flags = O_RDONLY | O_CREAT, .mode = 0600, .resolve = RESOLVE_CACHED };
    SHOW(syscall(SYS_openat2, AT_FDCWD, "cached", &how, sizeof how));
    SHOW(access("cached", F_OK));
    return 0;
}
