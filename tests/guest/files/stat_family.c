// stat, lstat, fstat, newfstatat, statx, statfs and access: types, modes, sizes, links, empty paths, errors.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include "check.h"

static void show(const char *what, const struct stat *s)
{
    printf("%s: mode %o, size %ld, links %ld, owner %d, block size %ld\n", what, s->st_mode,
           S_ISDIR(s->st_mode) ? -1 : (long)s->st_size, S_ISDIR(s->st_mode) ? -1 : (long)s->st_nlink,
           s->st_uid == getuid() && s->st_gid == getgid(), (long)s->st_blksize);
}

int main(void)
{
    umask(0);
    struct stat s, t;
    int file = open("file", O_RDWR | O_CREAT, 0751);
    CHECK(file >= 0 && write(file, "hello", 5) == 5 && symlink("file", "link") == 0 && mkdir("directory", 01770) == 0);
    CHECK(link("file", "second") == 0);
    CHECK(stat("file", &s) == 0);
    show("file", &s);
    CHECK(fstat(file, &t) == 0);
    printf("same inode: %d, same device: %d\n", s.st_ino == t.st_ino, s.st_dev == t.st_dev);
    CHECK(lstat("link", &s) == 0);
    show("link", &s);
    CHECK(stat("link", &s) == 0 && s.st_ino == t.st_ino);
    CHECK(stat("second", &s) == 0 && s.st_ino == t.st_ino);
    CHECK(stat("directory", &s) == 0);
    show("directory", &s);
    printf("links of a directory: %ld\n", (long)s.st_nlink);
    CHECK(stat("/dev/null", &s) == 0);
    printf("/dev/null: %o, %u:%u\n", s.st_mode & S_IFMT, major(s.st_rdev), minor(s.st_rdev));
    CHECK(stat("/dev/zero", &s) == 0);
    printf("/dev/zero: %o, %u:%u\n", s.st_mode & S_IFMT, major(s.st_rdev), minor(s.st_rdev));
    CHECK(stat("/", &s) == 0 && stat("/..", &t) == 0);
    printf("root is its own parent: %d\n", s.st_ino == t.st_ino && s.st_dev == t.st_dev);

    SHOW(fstatat(AT_FDCWD, "link", &s, AT_SYMLINK_NOFOLLOW));
    SHOW(fstatat(file, "", &s, AT_EMPTY_PATH));
    printf("size %ld\n", (long)s.st_size);
    SHOW(fstatat(AT_FDCWD, "", &s, AT_EMPTY_PATH));
    SHOW(fstatat(AT_FDCWD, "", &s, 0));
    SHOW(fstatat(file, "x", &s, 0));
    SHOW(fstatat(AT_FDCWD, "file", &s, 0x8000));
    SHOW(stat("missing", &s));
    SHOW(stat("file/x", &s));
    SHOW(stat("", &s));
    SHOW(fstat(99, &s));

    struct statx x;
    SHOW(statx(AT_FDCWD, "file", 0, STATX_BASIC_STATS, &x));
    printf("statx: mode %o, size %llu, links %u, all there: %d\n", x.stx_mode, x.stx_size, x.stx_nlink,
           (x.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS);
    SHOW(statx(file, "", AT_EMPTY_PATH, STATX_SIZE, &x));
    SHOW(statx(AT_FDCWD, "file", 0x8000, STATX_SIZE, &x));
    SHOW(statx(AT_FDCWD, "file", 0, 0x80000000, &x));

    struct statfs f;
    SHOW(statfs(".", &f));
    printf("name length %ld, block size %ld\n", (long)f.f_namelen, (long)f.f_bsize);
    SHOW(fstatfs(file, &f));
    SHOW(statfs("missing", &f));

    SHOW(access("file", R_OK | W_OK | X_OK));
    SHOW(access("missing", F_OK));
    SHOW(access("file", 8));
    SHOW(faccessat(AT_FDCWD, "link", F_OK, AT_EACCESS));
    CHECK(chmod("file", 0600) == 0);
    SHOW(access("file", X_OK));
    return 0;
}
