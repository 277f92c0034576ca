// Set-user-id and set-group-id bits, file capabilities, ambient capabilities and no_new_privs at execve.
// The program starts itself again and again, from copies with such bits, each time as a user that has to get by with them.
#include <fcntl.h>
#include <grp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include "ids.h"

#define XATTR_NAME_CAPS "security.capability"

static void copy_self(const char *name, uid_t uid, gid_t gid, mode_t mode)
{
    static char buffer[1 << 20];
    int from = open("/proc/self/exe", O_RDONLY), to = open(name, O_WRONLY | O_CREAT | O_EXCL, 0700);
    ssize_t size = read(from, buffer, sizeof buffer);
    CHECK(size > 0 && size < (ssize_t)sizeof buffer && write(to, buffer, size) == size);
    CHECK(fchown(to, uid, gid) == 0 && fchmod(to, mode) == 0 && close(to) == 0 && close(from) == 0);
}

static void give_capabilities(const char *name, unsigned long permitted, unsigned long inheritable, int effective)
{
    struct vfs_cap_data data = { .magic_etc = VFS_CAP_REVISION_2 | (effective ? VFS_CAP_FLAGS_EFFECTIVE : 0) };
    for (int i = 0; i < 2; i++) {
        data.data[i].permitted = permitted >> 32 * i;
        data.data[i].inheritable = inheritable >> 32 * i;
    }
    CHECK(setxattr(name, XATTR_NAME_CAPS, &data, sizeof data, 0) == 0);
}

static void prepare(void)
{
    struct capabilities all = get_capabilities();
    // Not where the test was started, which may be mounted without set-id bits.
    char place[] = "/tmp/identity-XXXXXX";
    CHECK(mkdtemp(place) && chdir(place) == 0 && chmod(".", 0755) == 0 && chown(".", 1000, 1000) == 0);
    CHECK(setgroups(0, 0) == 0);
    copy_self("plain", 0, 0, 0755);
    copy_self("unreadable", 0, 0, 0711);
    copy_self("root", 0, 0, 04755);
    copy_self("others", 2000, 3000, 06755);
    copy_self("group", 2000, 3000, 02755);
    copy_self("lock", 2000, 4000, 02705);
    copy_self("raw", 0, 0, 0755);
    give_capabilities("raw", BIT(CAP_NET_RAW), BIT(CAP_CHOWN), 1);
    copy_self("lazy", 0, 0, 0755);
    give_capabilities("lazy", BIT(CAP_NET_RAW) | BIT(CAP_KILL), 0, 0);
    copy_self("root_raw", 0, 0, 04755);
    give_capabilities("root_raw", BIT(CAP_NET_RAW), 0, 1);
    copy_self("gone", 0, 0, 0755);
    give_capabilities("gone", BIT(CAP_NET_RAW), 0, 1);
    CHECK(chown("gone", 0, 0) == 0);
    int script = open("script", O_WRONLY | O_CREAT, 0755);
    CHECK(write(script, "#!./plain 8\n", 12) == 12 && fchmod(script, 04755) == 0 && close(script) == 0);
    char value[64];
    SHOW_VALUE(getxattr("raw", XATTR_NAME_CAPS, value, sizeof value));
    SHOW(getxattr("gone", XATTR_NAME_CAPS, value, sizeof value));
    SHOW(setxattr("plain", XATTR_NAME_CAPS, value, 5, 0));
    SHOW(set_capabilities((struct capabilities){ all.effective & ~BIT(CAP_SETFCAP), all.permitted, 0 }));
    SHOW(setxattr("plain", XATTR_NAME_CAPS, value, 20, 0));
    SHOW(removexattr("raw", XATTR_NAME_CAPS));
    CHECK(set_capabilities(all) == 0);
}

/* As the user who owns the directory. */
static void clean_up(void)
{
    static const char *const names[] = { "plain", "unreadable", "root", "others", "group", "lock", "raw", "lazy",
                                         "root_raw", "gone", "script" };
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        CHECK(unlink(names[i]) == 0);
    char place[64];
    CHECK(getcwd(place, sizeof place) && rmdir(place) == 0);
}

static void become_root(void)
{
    CHECK(syscall(SYS_setresuid, 0, 0, 0) == 0 && syscall(SYS_setresgid, 0, 0, 0) == 0);
    struct capabilities sets = get_capabilities();
    sets.effective = sets.permitted;
    sets.inheritable = 0;
    CHECK(set_capabilities(sets) == 0);
}

static void become_user(void)
{
    CHECK(syscall(SYS_setresgid, 1000, 1000, 1000) == 0 && syscall(SYS_setresuid, 1000, 1000, 1000) == 0);
}

static void next(const char *file, int step)
{
    char path[32], number[8];
    snprintf(path, sizeof path, "./%s", file);
    snprintf(number, sizeof number, "%d", step);
    fflush(stdout);
    execl(path, path, number, (char *)0);
    printf("%s: %s\n", file, error_name(errno));
}

int main(int count, char **arguments)
{
    int step = count > 1 ? atoi(arguments[1]) : 0, signal;
    if (step > 0) {
        printf("--- %d\n", step);
        show("now");
        CHECK(prctl(PR_GET_PDEATHSIG, &signal) == 0);
        printf("secure %lu, AT_UID %lu, AT_EUID %lu, AT_GID %lu, AT_EGID %lu, keep %d, signal %d\n", getauxval(AT_SECURE),
               getauxval(AT_UID), getauxval(AT_EUID), getauxval(AT_GID), getauxval(AT_EGID), prctl(PR_GET_KEEPCAPS),
               signal);
    }
    switch (step) {
    case 0:
        equalize();
        prepare();
        CHECK(prctl(PR_SET_KEEPCAPS, 1) == 0);
        next("plain", 1);
        break;
    case 1: // root, as ever
        become_user();
        show("user");
        next("plain", 2);
        break;
    case 2: // a user without anything
        CHECK(prctl(PR_SET_PDEATHSIG, 10) == 0);
        next("root", 3);
        break;
    case 3: // root by the bit
        become_root();
        next("others", 4);
        break;
    case 4: // another user and group by the bits, to root's capabilities
        CHECK(syscall(SYS_setresuid, 0, 0, 0) == 0);
        become_root();
        become_user();
        next("group", 5);
        break;
    case 5: // another group
        next("lock", 6);
        break;
    case 6: // a bit for group without execution means nothing
        next("unreadable", 7);
        break;
    case 7: // not to be looked into
        next("script", -1);
        break;
    case 8: // a script's own bits count for nothing
        next("raw", 9);
        break;
    case 9: // file capabilities
        next("lazy", 10);
        break;
    case 10: // permitted, but not effective
        next("plain", 11);
        break;
    case 11: // gone again
        next("root_raw", 12);
        break;
    case 12: // root by the bit, with the file's capabilities alone
        next("gone", 13);
        break;
    case 13: // and all again, since the owner's change took them from the file
        next("root", 14);
        break;
    case 14: { // ambient capabilities stay
        become_root();
        struct capabilities sets = get_capabilities();
        sets.inheritable = BIT(CAP_NET_ADMIN) | BIT(CAP_CHOWN);
        CHECK(set_capabilities(sets) == 0 && prctl(PR_SET_KEEPCAPS, 1) == 0);
        become_user();
        show("kept");
        CHECK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0) == 0);
        next("plain", 15);
        break;
    }
    case 15:
        next("raw", 16);
        break;
    case 16: // a file with capabilities cancels ambient ones, and lets inherit
        next("root", 17);
        break;
    case 17: { // no capability for root's id
        become_root();
        SHOW(prctl(PR_CAPBSET_DROP, CAP_NET_RAW));
        become_user();
        next("raw", -1);
        next("root", 18);
        break;
    }
    case 18:
        become_root();
        become_user();
        SHOW(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        next("root", 19);
        break;
    case 19: // bits count no more
        next("others", 20);
        break;
    case 20:
        next("lazy", 21);
        break;
    default: // nor do capabilities
        printf("no_new_privs %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
        clean_up();
        break;
    }
    return 0;
}
