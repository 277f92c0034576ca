/* What becomes of what programs write: OPOST and its kin. */
#include "pty.h"

static void show(const char *name, tcflag_t flags, const char *text)
{
    struct termios changed = settings();
    changed.c_oflag = flags;
    set(changed);
    CHECK(write(slave, text, strlen(text)) == (ssize_t)strlen(text));
    show_all(name, master);
}

int main(void)
{
    open_pty();
    const char *text = "ab\tc\n\r\nd\re\b\n";
    show("none", 0, text);
    show("OPOST", OPOST, text);
    show("ONLCR", OPOST | ONLCR, text);
    show("OCRNL", OPOST | OCRNL, text);
    show("ONOCR", OPOST | ONOCR | ONLCR, text);
    show("ONLRET", OPOST | ONLRET, text);
    show("OLCUC", OPOST | OLCUC, text);
    show("XTABS", OPOST | XTABS | ONLCR, text);
    show("XTABS", OPOST | XTABS | ONLCR, "1234567\t8\t\t\b\t\n");
    show("ONLCR without OPOST", ONLCR, text);
    return 0;
}
