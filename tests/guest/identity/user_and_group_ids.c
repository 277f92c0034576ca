// The calls that set user and group ids: what each changes, what is refused, and what becomes of capabilities.
#include <grp.h>
#include "ids.h"

#define DO(expression)                                                                    \
    do {                                                                                  \
        SHOW(expression);                                                                 \
        show_ids("  now");                                                                \
        struct capabilities sets_ = get_capabilities();                                   \
        printf("  capabilities %#lx %#lx\n", sets_.permitted, sets_.effective);           \
    } while (0)

int main(void)
{
    equalize();
    show_ids("first");
    DO(setgroups(3, (gid_t[]){ 30, 10, 20 }));
    gid_t groups[10];
    SHOW_VALUE(getgroups(10, groups));
    printf("groups %u %u %u\n", groups[0], groups[1], groups[2]);
    SHOW_VALUE(getgroups(0, 0));
    SHOW(getgroups(2, groups));
    SHOW(setgroups(65537, groups));
    SHOW(syscall(SYS_setgroups, 1, 8));

    DO(syscall(SYS_setresuid, -1, 1000, -1));
    DO(syscall(SYS_setresuid, -1, 0, -1));
    DO(syscall(SYS_setfsuid, 1000));
    DO(syscall(SYS_setresuid, -1, -1, -1));
    DO(syscall(SYS_setfsuid, 0));
    DO(syscall(SYS_setreuid, 1000, -1));
    DO(syscall(SYS_setreuid, 0, 1000));
    DO(syscall(SYS_setuid, 2000));
    DO(syscall(SYS_setuid, 0));
    DO(syscall(SYS_setresgid, 100, 200, 300));
    DO(syscall(SYS_setregid, -1, 100));
    DO(syscall(SYS_setregid, 200, -1));
    DO(syscall(SYS_setgid, 5));
    DO(syscall(SYS_setfsgid, 6));
    DO(syscall(SYS_setresgid, -1, -1, -1));
    DO(syscall(SYS_setresgid, 1, 2, 3));
    SHOW(syscall(SYS_setuid, -1));
    SHOW(syscall(SYS_setgid, -1));
    SHOW(syscall(SYS_setfsuid, -1));

    DO(syscall(SYS_setresuid, 1000, 2000, 3000));
    DO(syscall(SYS_setuid, 4000));
    DO(syscall(SYS_setuid, 3000));
    DO(syscall(SYS_setuid, 2000));
    DO(syscall(SYS_setreuid, 3000, -1));
    DO(syscall(SYS_setreuid, -1, 4000));
    DO(syscall(SYS_setreuid, 1000, 3000));
    DO(syscall(SYS_setfsuid, 9));
    DO(syscall(SYS_setfsuid, 1000));
    DO(syscall(SYS_setresuid, 4, 4, 4));
    DO(syscall(SYS_setresuid, 3000, 1000, 1000));
    DO(syscall(SYS_setgid, 9));
    DO(syscall(SYS_setgid, 3));
    DO(syscall(SYS_setregid, 2, -1));
    DO(syscall(SYS_setregid, 1, 1));
    DO(syscall(SYS_setresgid, 1, 3, 1));
    DO(syscall(SYS_setfsgid, 2));
    DO(syscall(SYS_setfsgid, 1));
    SHOW(setgroups(0, 0));
    SHOW_VALUE(getgroups(10, groups));
    return 0;
}
