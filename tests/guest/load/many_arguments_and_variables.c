// Long and many arguments arrive whole, as do long environment variables.
// args: a bb ccc dddd eeeee ffffff ggggggg hhhhhhhh 9 10 11 12 13 14 15 16 17 18 19 20
// env: EMPTY=
// env: EQUALS=a=b=c
// env: SPACES=  two  blanks
#include "check.h"

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        printf("%s%s", argv[i], i + 1 < argc ? " " : "\n");
    printf("[%s] [%s] [%s]\n", getenv("EMPTY"), getenv("EQUALS"), getenv("SPACES"));
    /* The strings lie above the pointers, one after the other, and the name of the program above them all. */
    for (int i = 1; i < argc; i++)
        CHECK(argv[i] == argv[i - 1] + strlen(argv[i - 1]) + 1);
    CHECK((char *)argv < argv[0]);
    puts("strings in order");
    return 0;
}
