// posix_spawn's file actions, in order; a failing action or exec fails the call and leaves no child.
#include "process.h"

static int show(char **args)
{
    /* Descriptors that are open, what stands in them, and the directory. */
    printf("%s:", args[0]);
    for (int fd = 3; fd < 40; fd++)
        if (fcntl(fd, F_GETFD) != -1)
            printf(" %d", fd);
    char directory[4096], text[64] = "";
    CHECK(getcwd(directory, sizeof directory));
    if (args[1]) {
        ssize_t length = pread(atoi(args[1]), text, sizeof text - 1, 0);
        CHECK(length >= 0);
    }
    printf("; in %s; text '%s'\n", strrchr(directory, '/'), text);
    return 0;
}

static int test(void)
{
    CHECK(mkdir("below", 0777) == 0);
    int file = open("file", O_RDWR | O_CREAT, 0666);
    CHECK(file == 3 && write(file, "written", 7) == 7);
    CHECK(symlink("/", "root") == 0);
    CHECK(chdir("below") == 0 && chdir("..") == 0);
    int private = open("file", O_RDONLY | O_CLOEXEC), directory = open("below", O_RDONLY | O_CLOEXEC);
    CHECK(private == 4 && directory == 5);

    posix_spawn_file_actions_t actions;
    CHECK(chdir("below") == 0);
    CHECK(posix_spawn_file_actions_init(&actions) == 0);
    show_end("none", SPAWN_WITH(&actions, 0, "show", "none"));

    CHECK(posix_spawn_file_actions_addclose(&actions, file) == 0);
    show_end("close", SPAWN_WITH(&actions, 0, "show", "close"));

    CHECK(posix_spawn_file_actions_adddup2(&actions, private, 20) == 0);
    CHECK(posix_spawn_file_actions_addopen(&actions, 21, "../file", O_RDONLY, 0) == 0);
    CHECK(posix_spawn_file_actions_addopen(&actions, 22, "made", O_RDWR | O_CREAT, 0600) == 0);
    show_end("dup and open", SPAWN_WITH(&actions, 0, "show", "dup and open", "20"));

    /* Onto itself: open across the exec. */
    CHECK(posix_spawn_file_actions_adddup2(&actions, private, private) == 0);
    show_end("dup onto itself", SPAWN_WITH(&actions, 0, "show", "dup onto itself", "4"));

    CHECK(posix_spawn_file_actions_addclosefrom_np(&actions, 21) == 0);
    show_end("close from", SPAWN_WITH(&actions, 0, "show", "close from", "20"));
    CHECK(posix_spawn_file_actions_destroy(&actions) == 0);

    CHECK(posix_spawn_file_actions_init(&actions) == 0);
    CHECK(posix_spawn_file_actions_addchdir_np(&actions, "..") == 0);
    CHECK(posix_spawn_file_actions_addopen(&actions, 10, "file", O_RDONLY, 0) == 0);
    CHECK(posix_spawn_file_actions_addfchdir_np(&actions, directory) == 0);
    show_end("directories", SPAWN_WITH(&actions, 0, "show", "directories", "10"));
    CHECK(posix_spawn_file_actions_destroy(&actions) == 0);

    /* Standard output to a file. */
    CHECK(posix_spawn_file_actions_init(&actions) == 0);
    CHECK(posix_spawn_file_actions_addopen(&actions, 1, "output", O_WRONLY | O_CREAT | O_TRUNC, 0600) == 0);
    show_end("output to a file", SPAWN_WITH(&actions, 0, "show", "in the file"));
    char text[200] = "";
    int output = open("output", O_RDONLY);
    CHECK(output == 6 && read(output, text, sizeof text - 1) > 0);
    printf("output: %s", text);
    close(output);
    CHECK(posix_spawn_file_actions_destroy(&actions) == 0);

    /* Failures. */
    CHECK(posix_spawn_file_actions_init(&actions) == 0);
    CHECK(posix_spawn_file_actions_addopen(&actions, 10, "missing", O_RDONLY, 0) == 0);
    SHOW(SPAWN_WITH(&actions, 0, "show", "not reached"));
    CHECK(posix_spawn_file_actions_destroy(&actions) == 0);
    CHECK(posix_spawn_file_actions_init(&actions) == 0);
    CHECK(posix_spawn_file_actions_adddup2(&actions, 33, 34) == 0);
    SHOW(SPAWN_WITH(&actions, 0, "show", "not reached"));
    CHECK(posix_spawn_file_actions_destroy(&actions) == 0);
    CHECK(posix_spawn_file_actions_init(&actions) == 0);
    CHECK(posix_spawn_file_actions_addclose(&actions, 33) == 0);
    SHOW(end_of(SPAWN_WITH(&actions, 0, "show", "closing what is closed does no harm")));
    CHECK(posix_spawn_file_actions_addchdir_np(&actions, "/no/such") == 0);
    SHOW(SPAWN_WITH(&actions, 0, "show", "not reached"));

    pid_t pid;
    char *arguments[] = { "program", 0 };
    printf("missing program: %s\n", error_name(posix_spawn(&pid, "/no/such/program", 0, 0, arguments, environ)));
    printf("a directory: %s\n", error_name(posix_spawn(&pid, "/etc", 0, 0, arguments, environ)));
    printf("missing in the path: %s\n", error_name(posix_spawnp(&pid, "no-such-program-anywhere", 0, 0, arguments, environ)));
    int error = posix_spawnp(&pid, "true", 0, 0, arguments, environ);
    printf("found in the path: %s\n", error_name(error));
    show_end("true", pid);
    SHOW(waitpid(-1, 0, WNOHANG));
    return 0;
}

PROGRAM(test, { "show", show })
