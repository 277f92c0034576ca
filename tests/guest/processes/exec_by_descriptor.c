// execveat and fexecve: relative to a directory, of an open file itself, of a link; and scripts that way.
#include "process.h"

static int hello(char **args)
{
    printf("hello %s\n", args[0] ?: "nobody");
    return 0;
}

static void make(const char *name, const char *text)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0777);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
}

static struct arguments {
    int directory, flags, error;
    const char *path;
    char **argv;
} in;

static int call(void *argument)
{
    (void)argument;
    syscall(SYS_execveat, in.directory, in.path, in.argv, environ, in.flags);
    in.error = errno;
    return 100;
}

static void at(const char *what, int directory, const char *path, char **argv, int flags)
{
    in = (struct arguments){ directory, flags, 0, path, argv };
    pid_t pid = start_clone(CLONE_VM | CLONE_VFORK | SIGCHLD, call, 0);
    CHECK(pid > 0);
    int status = end_of(pid);
    printf("%s: %s%s\n", what, status_text(status), in.error ? error_name(in.error) : "");
}

static int test(void)
{
    char *arguments[] = { "self", "hello", "you", 0 }, *echo[] = { "echo", "one", "two", 0 };
    int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), path_only = open("/proc/self/exe", O_PATH | O_CLOEXEC);
    int bin = open("/bin", O_RDONLY | O_DIRECTORY | O_CLOEXEC), null = open("/dev/null", O_RDONLY);
    CHECK(self >= 0 && path_only >= 0 && bin >= 0 && null >= 0);
    make("script", "#!/bin/echo script\n");
    CHECK(symlink("script", "link") == 0 && mkdir("directory", 0777) == 0);
    int script = open("script", O_RDONLY), script_private = open("script", O_RDONLY | O_CLOEXEC);

    at("open file", self, "", arguments, AT_EMPTY_PATH);
    at("path only", path_only, "", arguments, AT_EMPTY_PATH);
    at("without the flag", self, "", arguments, 0);
    at("relative", bin, "echo", echo, 0);
    at("absolute", -1, "/bin/echo", echo, 0);
    at("working directory", AT_FDCWD, "./script", echo, 0);
    at("link", AT_FDCWD, "link", echo, 0);
    at("link not followed", AT_FDCWD, "link", echo, AT_SYMLINK_NOFOLLOW);
    at("file not followed", bin, "echo", echo, AT_SYMLINK_NOFOLLOW);
    at("bad flags", bin, "echo", echo, 1);
    at("bad descriptor", 1000, "echo", echo, 0);
    at("not a directory", null, "echo", echo, 0);
    at("a directory itself", bin, "", echo, AT_EMPTY_PATH);
    at("a device", null, "", echo, AT_EMPTY_PATH);
    at("working directory itself", AT_FDCWD, "", echo, AT_EMPTY_PATH);
    at("missing", bin, "no-such-program", echo, 0);
    /* The interpreter is given /dev/fd/N, which must still be open. */
    at("script kept open", script, "", echo, AT_EMPTY_PATH);
    at("script closed", script_private, "", echo, AT_EMPTY_PATH);
    at("script in a directory", open(".", O_RDONLY | O_DIRECTORY), "script", echo, 0);
    at("no path", self, 0, arguments, AT_EMPTY_PATH);

    int memory = memfd_create("program", MFD_CLOEXEC);
    struct stat status;
    CHECK(memory >= 0 && fstat(self, &status) == 0);
    char *image = mmap(0, status.st_size, PROT_READ, MAP_PRIVATE, self, 0);
    CHECK(image != MAP_FAILED && write(memory, image, status.st_size) == status.st_size);
    at("memory written to", memory, "", arguments, AT_EMPTY_PATH);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", memory);
    int reading = open(path, O_RDONLY | O_CLOEXEC);
    close(memory);
    at("memory", reading, "", arguments, AT_EMPTY_PATH);

    pid_t pid = vfork();
    CHECK(pid >= 0);
    if (pid == 0) {
        fexecve(self, arguments, environ);
        _exit(99);
    }
    show_end("fexecve", pid);
    return 0;
}

PROGRAM(test, { "hello", hello })
