// A terminal: its size and modes, which can be changed and put back.
// terminal: 33 77
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include "check.h"

int main(void)
{
    printf("terminals: %d %d %d\n", isatty(0), isatty(1), isatty(2));
    struct winsize size;
    SHOW(ioctl(0, TIOCGWINSZ, &size));
    printf("%d rows, %d columns\n", size.ws_row, size.ws_col);
    struct termios modes, raw, again;
    SHOW(tcgetattr(0, &modes));
    printf("canonical %d, echo %d, signals %d, output processed %d\n", (modes.c_lflag & ICANON) != 0, (modes.c_lflag & ECHO) != 0,
           (modes.c_lflag & ISIG) != 0, (modes.c_oflag & OPOST) != 0);
    raw = modes;
    cfmakeraw(&raw);
    raw.c_oflag |= OPOST;
    SHOW(tcsetattr(0, TCSADRAIN, &raw));
    SHOW(tcgetattr(1, &again));
    printf("canonical %d, echo %d\n", (again.c_lflag & ICANON) != 0, (again.c_lflag & ECHO) != 0);
    SHOW(tcsetattr(0, TCSAFLUSH, &modes));
    size.ws_row = 40;
    SHOW(ioctl(1, TIOCSWINSZ, &size));
    SHOW(ioctl(2, TIOCGWINSZ, &size));
    printf("%d rows\n", size.ws_row);
    struct stat status;
    CHECK(fstat(0, &status) == 0);
    printf("a character device: %d\n", S_ISCHR(status.st_mode));
    int tty = open("/dev/tty", O_RDWR);
    CHECK(tty >= 0);
    SHOW_VALUE(write(tty, "written to /dev/tty\n", 20));
    SHOW(ioctl(tty, TIOCGWINSZ, &size));
    int pending;
    SHOW(ioctl(0, FIONREAD, &pending));
    SHOW(lseek(0, 0, SEEK_CUR));
    return 0;
}
