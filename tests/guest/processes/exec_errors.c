// What execve refuses, and that the caller goes on as it was.
#include <sys/time.h>
#include "process.h"

static char *arguments[] = { "program", 0 };
static volatile int handled;

static void handler(int signal)
{
    handled = signal;
}

static void make(const char *name, const char *text, size_t length, mode_t mode)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0 && write(fd, text, length) == (ssize_t)length && fchmod(fd, mode) == 0 && close(fd) == 0);
}

#define MAKE(name, text, mode) make(name, text, sizeof text - 1, mode)
#define TRY(path) SHOW(execv(path, arguments))

static int unprivileged(char **args)
{
    (void)args;
    CHECK(setresgid(54321, 54321, 54321) == 0 && setresuid(54321, 54321, 54321) == 0);
    TRY("readable-by-root");
    TRY("closed/program");
    return 0;
}

static void limits(void)
{
    enum { LONGEST = 128 << 10 };
    char *text = malloc(LONGEST + 1);
    memset(text, 'a', LONGEST);
    text[LONGEST - 1] = 0;
    char *one[] = { "true", text, 0 };
    /* A string of up to 32 pages with its end. */
    pid_t pid;
    printf("longest argument: %s\n", error_name(posix_spawn(&pid, "/bin/true", 0, 0, one, environ)));
    show_end("true", pid);
    text[LONGEST - 1] = 'a';
    text[LONGEST] = 0;
    printf("longer: %s\n", error_name(posix_spawn(&pid, "/bin/true", 0, 0, one, environ)));
    printf("longer in the environment: %s\n", error_name(posix_spawn(&pid, "/bin/true", 0, 0, arguments, one)));
    text[LONGEST - 1] = 0;

    /* All together a quarter of the stack's limit. */
    struct rlimit stack;
    CHECK(getrlimit(RLIMIT_STACK, &stack) == 0);
    stack.rlim_cur = 8 << 20;
    CHECK(setrlimit(RLIMIT_STACK, &stack) == 0);
    char *many[30] = { "true" };
    for (int i = 1; i < 16; i++)
        many[i] = text;
    printf("15 times: %s\n", error_name(posix_spawn(&pid, "/bin/true", 0, 0, many, arguments)));
    show_end("true", pid);
    many[16] = text;
    printf("16 times: %s\n", error_name(posix_spawn(&pid, "/bin/true", 0, 0, many, arguments)));
    many[8] = 0;
    printf("7 and 9 times: %s\n", error_name(posix_spawn(&pid, "/bin/true", 0, 0, many, many + 9)));
    show_end("true", pid);
    printf("7 times in the environment: %s\n", error_name(posix_spawn(&pid, "/bin/true", 0, 0, arguments, many + 1)));
    show_end("true", pid);
    many[8] = text;
    printf("too much in the environment: %s\n", error_name(posix_spawn(&pid, "/bin/true", 0, 0, arguments, many)));

    /* Pointers count, too. */
    enum { POINTERS = 300000 };
    char **short_ones = malloc((POINTERS + 1) * sizeof *short_ones);
    for (int i = 0; i < POINTERS; i++)
        short_ones[i] = "";
    short_ones[POINTERS] = 0;
    printf("300000 empty arguments: %s\n", error_name(posix_spawn(&pid, "/bin/true", 0, 0, short_ones, environ)));
    short_ones[100000] = 0;
    printf("100000 empty arguments: %s\n", error_name(posix_spawn(&pid, "/bin/true", 0, 0, short_ones, environ)));
    show_end("true", pid);
    free(short_ones);
    free(text);
}

static int test(void)
{
    set_handler(SIGUSR1, handler, 0);
    int private = open("/dev/null", O_RDONLY | O_CLOEXEC);
    CHECK(mkdir("directory", 0777) == 0 && mkdir("closed", 0700) == 0);
    MAKE("empty", "", 0755);
    MAKE("text", "just text\n", 0755);
    MAKE("not-executable", "#!/bin/true\n", 0644);
    MAKE("readable-by-root", "#!/bin/true\n", 0700);
    MAKE("closed/program", "#!/bin/true\n", 0755);
    MAKE("garbage", "\177ELF and then nothing that makes sense, but quite a lot of it, so that there is a header to be read\n", 0755);
    MAKE("short", "\177ELF", 0755);
    MAKE("one-byte", "#", 0755);
    MAKE("no-interpreter", "#!\n", 0755);
    MAKE("blank-interpreter", "#!   \n", 0755);
    MAKE("missing-interpreter", "#!/no/such/interpreter\n", 0755);
    MAKE("directory-interpreter", "#!/etc\n", 0755);
    MAKE("data-interpreter", "#!/etc/passwd\n", 0755);
    MAKE("own-interpreter", "#!./own-interpreter\n", 0755);
    CHECK(symlink("loop", "loop") == 0 && symlink("text", "link") == 0 && symlink("nowhere", "dangling") == 0);

    TRY("missing");
    TRY("");
    TRY("missing/program");
    TRY("text/program");
    TRY("directory");
    TRY("directory/");
    TRY("text/");
    TRY("not-executable");
    TRY("loop");
    TRY("dangling");
    TRY("link");
    TRY("empty");
    TRY("text");
    TRY("garbage");
    TRY("short");
    TRY("one-byte");
    TRY("no-interpreter");
    TRY("blank-interpreter");
    TRY("missing-interpreter");
    TRY("directory-interpreter");
    TRY("data-interpreter");
    TRY("own-interpreter");
    TRY("/dev/null");
    TRY("/proc/self/stat");
    char name[5000];
    memset(name, 'n', sizeof name);
    name[4999] = 0;
    printf("a long path: %s\n", execv(name, arguments) == -1 ? error_name(errno) : "?");
    name[300] = 0;
    printf("a long name: %s\n", execv(name, arguments) == -1 ? error_name(errno) : "?");
    SHOW(syscall(SYS_execve, 0, arguments, environ));
    SHOW(syscall(SYS_execve, 8, arguments, environ));
    SHOW(syscall(SYS_execve, "/bin/true", 8, environ));
    SHOW(syscall(SYS_execve, "/bin/true", arguments, 8));
    char *bad[] = { "program", (char *)8, 0 };
    SHOW(syscall(SYS_execve, "/bin/true", bad, environ));
    SHOW(syscall(SYS_execve, "/bin/true", arguments, bad));

    /* A chain of scripts that is too long. */
    MAKE("chain0", "#!/bin/true\n", 0755);
    for (int i = 1; i <= 6; i++) {
        char path[16], text[32];
        snprintf(path, sizeof path, "chain%d", i);
        make(path, text, snprintf(text, sizeof text, "#!chain%d\n", i - 1), 0755);
    }
    pid_t pid;
    printf("four scripts: %s\n", error_name(posix_spawn(&pid, "chain4", 0, 0, arguments, environ)));
    show_end("true", pid);
    printf("six scripts: %s\n", error_name(posix_spawn(&pid, "chain6", 0, 0, arguments, environ)));

    int writing = open("text", O_WRONLY);
    TRY("text");
    close(writing);
    TRY("text");

    limits();
    fflush(stdout);
    show_end("unprivileged", SPAWN("unprivileged"));

    /* As it was. */
    CHECK(raise(SIGUSR1) == 0);
    printf("handler kept: %d, descriptor kept: %d\n", handled == SIGUSR1, fcntl(private, F_GETFD) == FD_CLOEXEC);
    return 0;
}

PROGRAM(test, { "unprivileged", unprivileged })
