// capset and the prctl options about capabilities: what can be dropped, raised and locked.
#include "ids.h"

static struct capabilities with(unsigned long effective, unsigned long permitted, unsigned long inheritable)
{
    return (struct capabilities){ effective, permitted, inheritable };
}

int main(void)
{
    const unsigned long raw = BIT(CAP_NET_RAW), admin = BIT(CAP_NET_ADMIN), setpcap = BIT(CAP_SETPCAP);
    equalize();
    show_capabilities("first");
    SHOW(prctl(PR_CAPBSET_DROP, CAP_SYS_BOOT, 0, 0, 0));
    SHOW(prctl(PR_CAPBSET_DROP, 63, 0, 0, 0));
    SHOW(prctl(PR_CAPBSET_READ, 63, 0, 0, 0));
    SHOW_VALUE(prctl(PR_CAPBSET_READ, CAP_SYS_BOOT, 0, 0, 0));
    SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0));
    struct capabilities all = get_capabilities();
    SHOW(set_capabilities(with(all.effective, all.permitted, BIT(CAP_SYS_BOOT))));
    SHOW(set_capabilities(with(all.effective, all.permitted, raw | admin)));
    SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0));
    SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0));
    SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
    SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 63, 0, 0));
    SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 1, 0));
    SHOW(prctl(PR_CAP_AMBIENT, 9, CAP_CHOWN, 0, 0));
    show_capabilities("ambient");
    SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_NET_ADMIN, 0, 0));
    SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0));
    show_capabilities("one less");
    SHOW(set_capabilities(with(all.effective, all.permitted, admin)));
    show_capabilities("no longer inheritable");
    SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0));

    SHOW(prctl(PR_SET_SECUREBITS, 1 << 6, 0, 0, 0));
    SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0));
    SHOW(prctl(PR_SET_SECUREBITS, 1 << 12, 0, 0, 0));
    SHOW(prctl(PR_SET_SECUREBITS, 1 << 2 | 1 << 3, 0, 0, 0));
    SHOW(prctl(PR_SET_SECUREBITS, 1 << 2, 0, 0, 0));
    SHOW(prctl(PR_SET_SECUREBITS, 1 << 3, 0, 0, 0));
    SHOW(prctl(PR_SET_SECUREBITS, 1 << 2 | 1 << 3 | 1 << 4, 0, 0, 0));
    SHOW_VALUE(prctl(PR_GET_KEEPCAPS));
    SHOW(prctl(PR_SET_KEEPCAPS, 0));
    SHOW(prctl(PR_SET_KEEPCAPS, 2));
    SHOW(prctl(PR_SET_SECUREBITS, 1 << 2 | 1 << 3 | 1 << 5, 0, 0, 0));
    SHOW(prctl(PR_SET_KEEPCAPS, 1));
    // User ids no longer change capabilities.
    SHOW(syscall(SYS_setresuid, -1, 1000, -1));
    show("no fixup");
    SHOW(syscall(SYS_setfsuid, 0));
    show("nor for files");

    SHOW(set_capabilities(with(setpcap | raw, setpcap | raw, 0)));
    SHOW(set_capabilities(with(setpcap | admin, setpcap | raw, 0)));
    SHOW(set_capabilities(with(setpcap, setpcap | admin, 0)));
    SHOW(set_capabilities(with(setpcap, setpcap | raw, admin)));
    SHOW(set_capabilities(with(raw, setpcap | raw, admin)));
    SHOW(set_capabilities(with(raw, setpcap | raw, admin | raw)));
    SHOW(set_capabilities(with(raw, setpcap | raw, admin | BIT(CAP_KILL))));
    SHOW(prctl(PR_CAPBSET_DROP, CAP_SYS_PTRACE, 0, 0, 0));
    SHOW(prctl(PR_SET_SECUREBITS, 1 << 2 | 1 << 3 | 1 << 5 | 1 << 6, 0, 0, 0));
    SHOW(set_capabilities(with(0, 0, 0)));
    SHOW(set_capabilities(with(raw, raw, 0)));
    show("nothing left");
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0x7ffffff };
    struct __user_cap_data_struct data[2] = { 0 };
    SHOW(syscall(SYS_capset, &header, data));
    SHOW(syscall(SYS_capget, &header, data));
    header.version = _LINUX_CAPABILITY_VERSION_1;
    header.pid = 0;
    SHOW(syscall(SYS_capset, &header, data));
    SHOW(syscall(SYS_capset, &header, 8));
    return 0;
}
