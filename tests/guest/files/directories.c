// mkdir, rmdir, getdents64, chdir, getcwd: order aside, what a program sees of directories.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "check.h"

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list(const char *path)
{
    DIR *directory = opendir(path);
    CHECK(directory);
    char *names[2000];
    int count = 0;
    struct dirent *entry;
    while ((entry = readdir(directory))) {
        static const char types[] = "?pc?d?b?-?l?s?";
        CHECK(asprintf(&names[count], "%s(%c)", entry->d_name, types[entry->d_type]) > 0);
        struct stat status;
        CHECK(fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0);
        CHECK(strcmp(entry->d_name, "..") == 0 || status.st_ino == entry->d_ino);
        count++;
    }
    qsort(names, count, sizeof *names, by_name);
    printf("%s:", path);
    for (int i = 0; i < count && i < 20; i++)
        printf(" %s", names[i]);
    printf(" (%d)\n", count);
    closedir(directory);
}

int main(void)
{
    umask(027);
    SHOW(mkdir("d", 0777));
    struct stat status;
    CHECK(stat("d", &status) == 0);
    printf("mode %o\n", status.st_mode);
    SHOW(mkdir("d", 0777));
    SHOW(mkdir("missing/d", 0777));
    SHOW(mkdir("d/e/", 0777));
    SHOW(mkdir("", 0777));
    SHOW(mkdir("/", 0777));
    SHOW(mkdir(".", 0777));
    SHOW(symlink("elsewhere", "d/link"));
    SHOW(mknod("d/fifo", S_IFIFO | 0600, 0));
    CHECK(close(creat("d/file", 0600)) == 0);
    list("d");
    SHOW(rmdir("d"));
    SHOW(rmdir("d/file"));
    SHOW(rmdir("d/link"));
    SHOW(rmdir("missing"));
    SHOW(rmdir("d/e/."));
    SHOW(rmdir("d/e/.."));
    SHOW(rmdir("/"));
    SHOW(unlink("d/e"));
    SHOW(unlinkat(AT_FDCWD, "d/e", AT_REMOVEDIR));
    SHOW(unlinkat(AT_FDCWD, "d/file", 0x8000));
    SHOW(unlink("d/file"));
    SHOW(unlink("d/file"));
    SHOW(unlink("d/link"));
    SHOW(unlink("d/fifo"));
    list("d");

    /* Many entries, read in small pieces while none is added: each exactly once. */
    for (int i = 0; i < 1000; i++) {
        char name[32];
        snprintf(name, sizeof name, "d/entry-%04d", i);
        CHECK(close(creat(name, 0600)) == 0);
    }
    list("d");
    static char seen[1000];
    int directory = open("d", O_RDONLY | O_DIRECTORY), total = 0;
    char buffer[200];
    long length;
    while ((length = syscall(SYS_getdents64, directory, buffer, sizeof buffer)) > 0)
        for (long at = 0; at < length;) {
            struct dirent64 *entry = (void *)(buffer + at);
            if (strncmp(entry->d_name, "entry-", 6) == 0) {
                CHECK(seen[atoi(entry->d_name + 6)]++ == 0);
                total++;
            }
            at += entry->d_reclen;
        }
    printf("%d entries, then %ld\n", total, length);
    SHOW_VALUE(syscall(SYS_getdents64, directory, buffer, sizeof buffer));
    SHOW(lseek(directory, 0, SEEK_SET));
    SHOW(syscall(SYS_getdents64, directory, buffer, 10));
    SHOW(syscall(SYS_getdents64, directory, (void *)8, 200));
    printf("again from the start: %d\n", syscall(SYS_getdents64, directory, buffer, sizeof buffer) > 0);
    SHOW(read(directory, buffer, 10));
    SHOW(syscall(SYS_getdents64, 0, buffer, sizeof buffer));

    /* Removed while it is being read. */
    DIR *reading = opendir("d");
    struct dirent *entry;
    int removed = 0;
    while ((entry = readdir(reading)))
        if (entry->d_name[0] == 'e') {
            CHECK(unlinkat(dirfd(reading), entry->d_name, 0) == 0);
            removed++;
        }
    closedir(reading);
    printf("removed %d\n", removed);

    char path[4096], start[4096];
    CHECK(getcwd(start, sizeof start));
    SHOW(chdir("d"));
    CHECK(getcwd(path, sizeof path) && strncmp(path, start, strlen(start)) == 0);
    printf("now in %s\n", path + strlen(start));
    SHOW(mkdir("inner", 0700));
    SHOW(chdir("inner/../inner/./"));
    CHECK(getcwd(path, sizeof path));
    printf("now in %s\n", path + strlen(start));
    SHOW_VALUE(syscall(SYS_getcwd, path, sizeof path) == (long)strlen(path) + 1);
    SHOW(syscall(SYS_getcwd, path, 3));
    SHOW(rmdir("../inner"));
    SHOW(syscall(SYS_getcwd, path, sizeof path));
    SHOW(open("file", O_RDWR | O_CREAT, 0600));
    SHOW(chdir(".."));
    SHOW(fchdir(directory));
    SHOW(fchdir(99));
    SHOW(chdir("missing"));
    SHOW(chdir("/dev/null"));
    SHOW(chdir(".."));
    SHOW(rmdir("d"));
    printf("a removed directory lists %ld\n", syscall(SYS_getdents64, directory, buffer, sizeof buffer));
    return 0;
}
