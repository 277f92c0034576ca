// A group that becomes orphaned with a stopped member gets SIGHUP and SIGCONT; an orphaned group isn't stopped by SIGTSTP.
#include <sys/prctl.h>
#include "process.h"

static volatile int hung_up, continued, order;

static void handler(int signal)
{
    if (signal == SIGHUP)
        hung_up = ++order;
    else
        continued = ++order;
}

/* Stops itself if asked; says what came. */
static int member(char **args)
{
    set_handler(SIGHUP, handler, 0);
    set_handler(SIGCONT, handler, 0);
    tell(atoi(args[0]));
    if (args[2])
        raise(SIGSTOP);
    else
        await(atoi(args[1]));
    pause_ms(5);
    printf("%s: hung up %d, continued %d\n", args[2] ? "stopped" : "running", hung_up != 0, continued != 0);
    return 0;
}

/* Starts a group with its members, and leaves it. */
static int shell(char **args)
{
    posix_spawnattr_t attributes;
    CHECK(posix_spawnattr_init(&attributes) == 0 && posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP) == 0);
    int ready[2];
    CHECK(pipe(ready) == 0);
    pid_t first = SPAWN_WITH(0, &attributes, "member", text_of(ready[1]), args[0]);
    CHECK(first > 0);
    await(ready[0]);
    if (args[1]) {
        CHECK(posix_spawnattr_setpgroup(&attributes, first) == 0);
        pid_t second = SPAWN_WITH(0, &attributes, "member", text_of(ready[1]), args[0], "stop");
        await(ready[0]);
        await_state(second, 'T');
    }
    return 0;
}

/* In a session of its own, so that the group has nobody else. */
static int session(char **args)
{
    CHECK(setsid() == getpid() && prctl(PR_SET_CHILD_SUBREAPER, 0) == 0);
    pid_t pid = SPAWN("shell", args[0], args[1]);
    return WEXITSTATUS(end_of(pid));
}

static int tries_to_stop(char **args)
{
    (void)args;
    CHECK(setsid() == getpid());
    raise(SIGTSTP);
    raise(SIGTTIN);
    raise(SIGTTOU);
    puts("not stopped by TSTP, TTIN, TTOU");
    raise(SIGSTOP);
    puts("went on");
    return 0;
}

static int test(void)
{
    CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    int gate[2], status;
    CHECK(pipe(gate) == 0);
    end_of(SPAWN("session", text_of(gate[0]), "with"));
    /* The stopped one ends by itself when it's continued. */
    CHECK(waitpid(-1, &status, 0) > 0);
    printf("%s\n", status_text(status));
    tell(gate[1]);
    CHECK(waitpid(-1, &status, 0) > 0);
    printf("%s\n", status_text(status));
    end_of(SPAWN("session", text_of(gate[0])));
    pause_ms(10);
    tell(gate[1]);
    CHECK(waitpid(-1, &status, 0) > 0);
    printf("%s\n", status_text(status));

    pid_t pid = SPAWN("tries");
    CHECK(waitpid(pid, &status, WUNTRACED) == pid);
    printf("%s\n", status_text(status));
    CHECK(kill(pid, SIGCONT) == 0);
    show_end("tries", pid);
    return 0;
}

PROGRAM(test, { "member", member }, { "shell", shell }, { "session", session }, { "tries", tries_to_stop })
