// Arguments and environment as execve passes them: empty ones, none at all, those of scripts, the auxiliary vector's name.
#include <sys/auxv.h>
#include "process.h"

static void make(const char *name, const char *text)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0777);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
}

static void start(const char *what, const char *path, char **arguments, char **environment)
{
    pid_t pid;
    fflush(stdout);
    int error = posix_spawn(&pid, path, 0, 0, arguments, environment);
    if (error == 0)
        show_end(what, pid);
    else
        printf("%s: %s\n", what, error_name(error));
}

int main(int argc, char **argv)
{
    setvbuf(stdout, 0, _IOLBF, 0);
    if (getenv("SHOW")) {
        printf("  %d arguments:", argc);
        for (int i = 0; i < argc; i++)
            printf(" [%s]", argv[i]);
        printf("; environment:");
        for (char **variable = environ; *variable; variable++)
            printf(" [%s]", *variable);
        const char *name = strrchr((char *)getauxval(AT_EXECFN), '/');
        printf("; named %s\n", name ? name : "without a slash");
        return argc;
    }
    char *show[] = { "SHOW=1", "EMPTY=", "no equals sign", "", "SHOW=2", 0 };
    char *plain[] = { "SHOW=1", 0 };
    start("usual", "/proc/self/exe", (char *[]){ "zero", "one", "two words", 0 }, show);
    start("empty ones", "/proc/self/exe", (char *[]){ "", "", "", 0 }, plain);
    start("none", "/proc/self/exe", (char *[]){ 0 }, plain);
    pid_t pid = vfork();
    CHECK(pid >= 0);
    if (pid == 0) {
        syscall(SYS_execve, "/proc/self/exe", 0, plain);
        _exit(99);
    }
    show_end("no vector", pid);
    CHECK(symlink("/proc/self/exe", "link") == 0);
    start("through a link", "./link", (char *[]){ "zero", 0 }, plain);

    char self[4096], text[5000];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    CHECK(length > 0);
    self[length] = 0;
    /* The interpreter's path must be short: a link to it. */
    CHECK(symlink(self, "interpreter") == 0);
    make("script", "#!./interpreter\n");
    start("script", "./script", (char *[]){ "replaced", "one", "two", 0 }, plain);
    make("argument", "#! ./interpreter  an argument with  blanks \t \nmore\n");
    start("script with an argument", "./argument", (char *[]){ "replaced", "one", 0 }, plain);
    make("tabs", "#!\t./interpreter\tx\n");
    start("script with tabs", "tabs", (char *[]){ "replaced", 0 }, plain);
    make("unended", "#!./interpreter y");
    start("script without newline", "./unended", (char *[]){ "replaced", 0 }, plain);
    make("nested", "#!./argument nested\n");
    start("script of a script", "./nested", (char *[]){ "replaced", "one", 0 }, plain);
    snprintf(text, sizeof text, "#!./interpreter %0300d\n", 7);
    make("long", text);
    start("script with a long line", "./long", (char *[]){ "replaced", 0 }, plain);
    snprintf(text, sizeof text, "#!/%0300d\n", 7);
    make("long-path", text);
    start("script with a long path", "./long-path", (char *[]){ "replaced", 0 }, plain);
    start("script without arguments", "./script", (char *[]){ 0 }, plain);
    make("carriage", "#!./interpreter\r\n");
    start("script with a carriage return", "./carriage", (char *[]){ "replaced", 0 }, plain);
    return 0;
}
