// A set-user-ID program runs with its owner's id, unless privileges may not be gained; the auxiliary vector says so.
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include "process.h"

enum { OWNER = 54351, USER = 54352 };

static int report(char **args)
{
    (void)args;
    uid_t real, effective, saved;
    gid_t real_group, effective_group, saved_group;
    CHECK(getresuid(&real, &effective, &saved) == 0 && getresgid(&real_group, &effective_group, &saved_group) == 0);
    printf("  users %d %d %d, groups %d %d %d, secure %ld, dumpable %d\n", real, effective, saved, real_group, effective_group,
           saved_group, getauxval(AT_SECURE), prctl(PR_GET_DUMPABLE));
    return 0;
}

static void run(const char *what, const char *path)
{
    pid_t pid;
    char *arguments[] = { "self", "report", 0 };
    puts(what);
    CHECK(posix_spawn(&pid, path, 0, 0, arguments, environ) == 0);
    show_end("  end", pid);
}

static int user(char **args)
{
    CHECK(setresgid(USER, USER, USER) == 0 && setresuid(USER, USER, USER) == 0);
    if (args[0])
        CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    run("plain", "./plain");
    run("set-user-ID", "./set-user");
    run("set-group-ID", "./set-group");
    run("both", "./both");
    run("set-group-ID without execution by the group", "./lock");
    run("a script", "./script");
    return 0;
}

static void copy_self(const char *name, mode_t mode)
{
    int from = open("/proc/self/exe", O_RDONLY), to = open(name, O_WRONLY | O_CREAT, 0700);
    struct stat status;
    CHECK(from >= 0 && to >= 0 && fstat(from, &status) == 0);
    for (off_t done = 0; done < status.st_size;)
        CHECK(sendfile(to, from, &done, status.st_size - done) > 0);
    CHECK(fchown(to, OWNER, OWNER) == 0 && fchmod(to, mode) == 0);
    close(from), close(to);
}

static int test(void)
{
    if (geteuid() != 0)
        return 0;
    CHECK(chmod(".", 0755) == 0);
    copy_self("plain", 0755);
    copy_self("set-user", 04755);
    copy_self("set-group", 02755);
    copy_self("both", 06755);
    copy_self("lock", 02745);
    int script = open("script", O_WRONLY | O_CREAT, 0700);
    CHECK(script >= 0 && write(script, "#!./plain report\n", 17) == 17);
    CHECK(fchown(script, OWNER, OWNER) == 0 && fchmod(script, 06755) == 0 && close(script) == 0);
    show_end("user", SPAWN("user"));
    show_end("user without new privileges", SPAWN("user", "no new privileges"));
    return 0;
}

PROGRAM(test, { "report", report }, { "user", user })
