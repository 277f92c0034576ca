// With SIGCHLD ignored or SA_NOCLDWAIT, ended children are gone at once, and a wait ends with ECHILD after the last one.
#include "process.h"

static volatile int signals;

static void handler(int signal)
{
    (void)signal;
    signals++;
}

static int until_told(char **args)
{
    await(atoi(args[0]));
    return 3;
}

static int stops(char **args)
{
    (void)args;
    raise(SIGSTOP);
    return 0;
}

static void gone(pid_t pid)
{
    while (kill(pid, 0) == 0)
        pause_ms(1);
    CHECK(errno == ESRCH);
}

static int test(void)
{
    int gate[2], status;
    CHECK(pipe(gate) == 0);
    for (int i = 0; i < 3; i++) {
        static const char *const names[] = { "ignored", "SA_NOCLDWAIT", "SA_NOCLDWAIT with a handler" };
        struct sigaction action = { .sa_handler = i == 0 ? SIG_IGN : i == 1 ? SIG_DFL : handler,
                                    .sa_flags = i == 0 ? 0 : SA_NOCLDWAIT | SA_RESTART };
        CHECK(sigaction(SIGCHLD, &action, 0) == 0);
        puts(names[i]);
        pid_t pid = SPAWN("told", text_of(gate[0]));
        SHOW(waitpid(pid, &status, WNOHANG));
        tell(gate[1]);
        gone(pid);
        SHOW(waitpid(pid, &status, 0));
        pid = SPAWN("told", text_of(gate[0]));
        SPAWN("told", text_of(gate[0]));
        tell(gate[1]);
        tell(gate[1]);
        SHOW(waitpid(-1, &status, 0));
        /* Stops are told nonetheless. */
        pid = SPAWN("stops");
        CHECK(waitpid(pid, &status, WUNTRACED) == pid);
        printf("%s\n", status_text(status));
        CHECK(kill(pid, SIGKILL) == 0);
        SHOW(waitpid(pid, &status, 0));
    }
    printf("signals came: %d\n", signals > 0);

    /* A zombie that was there before stays. */
    set_handler(SIGCHLD, SIG_DFL, 0);
    pid_t pid = SPAWN("told", text_of(gate[0]));
    tell(gate[1]);
    await_state(pid, 'Z');
    set_handler(SIGCHLD, SIG_IGN, 0);
    show_end("zombie", pid);
    return 0;
}

PROGRAM(test, { "told", until_told }, { "stops", stops })
