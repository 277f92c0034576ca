// Who the program is: user and group ids, groups, process group and session, capabilities.
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include "check.h"

int main(void)
{
    uid_t r, e, s;
    SHOW(getresuid(&r, &e, &s));
    printf("users agree: %d, %u\n", r == getuid() && e == geteuid() && s == e, r);
    SHOW(getresgid(&r, &e, &s));
    printf("groups agree: %d, %u\n", r == getgid() && e == getegid() && s == e, r);
    SHOW(getresuid((void *)8, &e, &s));
    SHOW(setuid(getuid()));
    SHOW(setresgid(-1, -1, -1));
    SHOW(setreuid(-1, getuid()));
    SHOW(setfsuid(getuid()));

    gid_t groups[100];
    int count = getgroups(100, groups);
    CHECK(count >= 0);
    printf("groups: %d\n", getgroups(0, 0) == count);
    SHOW(getgroups(-1, groups));
    printf("process: %d %d %d\n", getpid() > 0, getppid() >= 0, gettid() == getpid());
    printf("group and session: %d %d\n", getpgrp() == getpgid(0), getsid(0) == getsid(getpid()));
    SHOW(getpgid(0x7ffffff));
    SHOW(getsid(-1));

    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[2];
    SHOW(syscall(SYS_capget, &header, data));
    printf("effective within permitted: %d\n", (data[0].effective & ~data[0].permitted) == 0);
    printf("root has them: %d\n", getuid() != 0 || (data[0].effective & 1) == 1);
    SHOW(syscall(SYS_capget, &header, 0));
    header.version = 0x12345678;
    SHOW(syscall(SYS_capget, &header, data));
    printf("version told: %d\n", header.version == _LINUX_CAPABILITY_VERSION_3);
    SHOW(syscall(SYS_capget, 0, data));
    header.pid = -1;
    SHOW(syscall(SYS_capget, &header, data));
    return 0;
}
