/* What the tests of identity share: who the thread is, and calls that are for the calling thread alone. */
#pragma once
#include <linux/capability.h>
#include <stdarg.h>
#include <sys/auxv.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include "../check.h"

/* Not every root has this one natively, so the tests do without. */
#define WITHOUT (1UL << CAP_SYS_RESOURCE)
#define BIT(capability) (1UL << (capability))

struct capabilities {
    unsigned long effective, permitted, inheritable;
};

static inline struct capabilities get_capabilities(void)
{
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[2];
    CHECK(syscall(SYS_capget, &header, data) == 0);
    return (struct capabilities){
        data[0].effective | (unsigned long)data[1].effective << 32,
        data[0].permitted | (unsigned long)data[1].permitted << 32,
        data[0].inheritable | (unsigned long)data[1].inheritable << 32,
    };
}

static inline long set_capabilities(struct capabilities sets)
{
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[2];
    for (int i = 0; i < 2; i++) {
        data[i].effective = sets.effective >> 32 * i;
        data[i].permitted = sets.permitted >> 32 * i;
        data[i].inheritable = sets.inheritable >> 32 * i;
    }
    return syscall(SYS_capset, &header, data);
}

static inline unsigned long which(int option, int argument)
{
    unsigned long set = 0;
    for (int i = 0; i <= CAP_LAST_CAP; i++)
        if (prctl(option, argument ? argument : i, argument ? i : 0, 0, 0) == 1)
            set |= BIT(i);
    return set;
}

/* Has root do without what not every root has. */
static inline void equalize(void)
{
    struct capabilities sets = get_capabilities();
    CHECK(prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE) == 0);
    sets.effective &= ~WITHOUT;
    sets.permitted &= ~WITHOUT;
    CHECK(set_capabilities(sets) == 0);
}

static inline void show_ids(const char *name)
{
    unsigned r, e, s;
    CHECK(getresuid(&r, &e, &s) == 0);
    printf("%s: user %u %u %u %u", name, r, e, s, setfsuid(-1));
    CHECK(getresgid(&r, &e, &s) == 0);
    printf(", group %u %u %u %u, dumpable %d\n", r, e, s, setfsgid(-1), prctl(PR_GET_DUMPABLE));
}

static inline void show_capabilities(const char *name)
{
    struct capabilities sets = get_capabilities();
    printf("%s: permitted %#lx, effective %#lx, inheritable %#lx, ambient %#lx, bounding %#lx, securebits %#x\n", name,
           sets.permitted, sets.effective, sets.inheritable, which(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET),
           which(PR_CAPBSET_READ, 0), prctl(PR_GET_SECUREBITS));
}

static inline void show(const char *name)
{
    show_ids(name);
    show_capabilities(name);
}
