/* Returns at once; with an argument, once its standard input is at its end. */
#include <unistd.h>

int main(int argc, char **argv) {
    char byte;
    (void)argv;
    if (argc > 1) {
        if (write(1, "", 1) != 1) return 1;
        while (read(0, &byte, 1) > 0) continue;
    }
    return 0;
}
