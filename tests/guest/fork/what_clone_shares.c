// clone without CLONE_VM copies memory, and shares descriptors, working directory and parent as it's told.
#define _GNU_SOURCE
#include "../check.h"
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int value;

static pid_t clone_with(unsigned long flags, pid_t *parent_tid, pid_t *child_tid)
{
    struct clone_args args = {
        .flags = flags,
        .exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD, /* a sibling has its creator's */
        .parent_tid = (unsigned long)parent_tid,
        .child_tid = (unsigned long)child_tid,
    };
    return syscall(SYS_clone3, &args, sizeof args);
}

static int wait_for(pid_t child)
{
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    return WEXITSTATUS(status);
}

static void change(unsigned long flags, const char *name)
{
    int fd = open("/dev/null", O_RDONLY);
    CHECK(fd >= 0 && chdir("/") == 0);
    value = 1;
    pid_t child = clone_with(flags, NULL, NULL);
    CHECK(child >= 0);
    if (child == 0) {
        value = 2;
        _exit(close(fd) || chdir("/proc"));
    }
    CHECK(wait_for(child) == 0);
    char directory[100];
    CHECK(getcwd(directory, sizeof directory));
    printf("%s: value %d, descriptor %s, directory %s\n", name, value, fcntl(fd, F_GETFD) < 0 ? "closed" : "open",
           directory);
    close(fd);
}

int main(void)
{
    change(0, "nothing");
    change(CLONE_FILES, "CLONE_FILES");
    change(CLONE_FS, "CLONE_FS");
    change(CLONE_FILES | CLONE_FS, "both");

    pid_t self = getpid(), parent_tid = 0, child_tid = 0;
    pid_t child = clone_with(CLONE_PARENT_SETTID | CLONE_CHILD_SETTID, &parent_tid, &child_tid);
    if (child == 0)
        _exit(child_tid == getpid() && getppid() == self ? 7 : 8);
    printf("ids: %s, %s, the child's %d\n", parent_tid == child ? "told" : "not told",
           child_tid == 0 ? "not told" : "told", wait_for(child));

    child = clone_with(0, NULL, NULL);
    if (child == 0) {
        pid_t sibling = clone_with(CLONE_PARENT, NULL, NULL);
        if (sibling == 0)
            _exit(getppid() == self ? 3 : 4);
        _exit(waitpid(sibling, NULL, 0) == -1 && errno == ECHILD ? 5 : 6);
    }
    int statuses = 0;
    for (int i = 0; i < 2; i++) {
        int status;
        CHECK(wait(&status) > 0);
        statuses += WEXITSTATUS(status);
    }
    printf("CLONE_PARENT: %d\n", statuses);
    errno = 0;
    SHOW(clone_with(CLONE_SIGHAND, NULL, NULL));
}
