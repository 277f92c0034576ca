// Stopping and continuing: WUNTRACED, WCONTINUED, WSTOPPED; which signals stop; what a stopped process does with signals.
#include "process.h"

static int be_idle(char **args)
{
    tell(atoi(args[0]));
    for (;;)
        pause_ms(1000000);
    return 0;
}

static volatile int continued;

static void on_continue(int signal)
{
    (void)signal;
    continued = 1;
}

/* Ends with 9 when its SIGCONT handler ran. In a group of its own with its parent in the session, so not an orphaned one,
   which the terminal's signals don't stop. */
static int until_continued(char **args)
{
    CHECK(setpgid(0, 0) == 0);
    set_handler(SIGCONT, on_continue, 0);
    tell(atoi(args[0]));
    while (!continued)
        pause_ms(1);
    return 9;
}

static volatile int stops;

static void on_stop(int signal)
{
    (void)signal;
    stops++;
}

static int handle_stops(char **args)
{
    CHECK(setpgid(0, 0) == 0);
    set_handler(SIGTSTP, on_stop, 0);
    set_handler(SIGTTIN, SIG_IGN, 0);
    change_mask(SIG_BLOCK, SIGTTOU);
    tell(atoi(args[0]));
    while (!stops)
        pause_ms(1);
    sigset_t pending;
    sigpending(&pending);
    return 40 + sigismember(&pending, SIGTTOU);
}

/* Stops itself, and ends when it's told. */
static int stop_itself(char **args)
{
    CHECK(setpgid(0, 0) == 0);
    raise(atoi(args[0]));
    await(atoi(args[1]));
    return 21;
}

static void show_waitid(const char *what, pid_t pid, int options)
{
    siginfo_t info = { 0 };
    int result = waitid(P_PID, pid, &info, options);
    if (result != 0)
        printf("%s: %s\n", what, error_name(errno));
    else if (info.si_pid == 0)
        printf("%s: nothing\n", what);
    else
        printf("%s: right child %d, code %d, status %d\n", what, info.si_pid == pid, info.si_code, info.si_status);
}

static void show_wait(const char *what, pid_t pid, int options)
{
    int status;
    pid_t got = waitpid(pid, &status, options);
    printf("%s: %s\n", what, got == pid ? status_text(status) : got == 0 ? "nothing" : error_name(errno));
}

static int test(void)
{
    int ready[2];
    CHECK(pipe(ready) == 0);
    pid_t pid = SPAWN("idle", text_of(ready[1]));
    await(ready[0]);
    show_wait("running", pid, WNOHANG | WUNTRACED | WCONTINUED);
    CHECK(kill(pid, SIGSTOP) == 0);
    show_waitid("stopped, look", pid, WSTOPPED | WNOWAIT);
    printf("state %c\n", state_of(pid));
    show_waitid("exited only", pid, WEXITED | WNOHANG);
    show_wait("without WUNTRACED", pid, WNOHANG);
    show_wait("stopped", pid, WUNTRACED);
    show_wait("once only", pid, WUNTRACED | WNOHANG);
    show_waitid("once only", pid, WSTOPPED | WNOHANG);
    CHECK(kill(pid, SIGSTOP) == 0);
    show_wait("a stop of the stopped", pid, WUNTRACED | WNOHANG);
    CHECK(kill(pid, SIGCONT) == 0);
    show_waitid("continued, look", pid, WCONTINUED | WNOWAIT);
    show_wait("without WCONTINUED", pid, WUNTRACED | WNOHANG);
    show_wait("continued", pid, WCONTINUED);
    show_wait("once only", pid, WCONTINUED | WNOHANG);
    CHECK(kill(pid, SIGCONT) == 0);
    show_wait("a continue of the running", pid, WCONTINUED | WNOHANG);
    /* Nobody looks at the stop until it has gone on. */
    CHECK(kill(pid, SIGSTOP) == 0);
    await_state(pid, 'T');
    CHECK(kill(pid, SIGCONT) == 0);
    show_wait("stop not looked at in time", pid, WUNTRACED | WNOHANG);
    show_wait("but the continue", pid, WCONTINUED);
    /* A stopped process dies of SIGKILL only, of others when it goes on. */
    CHECK(kill(pid, SIGSTOP) == 0);
    show_wait("stopped", pid, WUNTRACED);
    CHECK(kill(pid, SIGTERM) == 0);
    pause_ms(20);
    printf("state %c\n", state_of(pid));
    show_wait("still there", pid, WNOHANG);
    CHECK(kill(pid, SIGCONT) == 0);
    show_wait("ended", pid, 0);

    pid = SPAWN("idle", text_of(ready[1]));
    await(ready[0]);
    CHECK(kill(pid, SIGSTOP) == 0);
    show_wait("stopped", pid, WUNTRACED);
    CHECK(kill(pid, SIGKILL) == 0);
    show_wait("killed", pid, WUNTRACED | WCONTINUED);

    pid = SPAWN("continued", text_of(ready[1]));
    await(ready[0]);
    CHECK(kill(pid, SIGTSTP) == 0);
    show_wait("terminal stop", pid, WUNTRACED);
    CHECK(kill(pid, SIGCONT) == 0);
    show_wait("handler of SIGCONT", pid, 0);

    pid = SPAWN("handles", text_of(ready[1]));
    await(ready[0]);
    CHECK(kill(pid, SIGTTIN) == 0 && kill(pid, SIGTTOU) == 0);
    show_wait("ignored and blocked", pid, WUNTRACED | WNOHANG);
    CHECK(kill(pid, SIGTSTP) == 0);
    show_wait("handled", pid, WUNTRACED);

    static const int signals[] = { SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU };
    int end[2];
    CHECK(pipe(end) == 0);
    for (int i = 0; i < 4; i++) {
        pid = SPAWN("itself", text_of(signals[i]), text_of(end[0]));
        show_wait("stopped itself", pid, WUNTRACED);
        CHECK(kill(pid, SIGCONT) == 0);
        show_wait("continued", pid, WCONTINUED);
        tell(end[1]);
        show_wait("ended", pid, WUNTRACED | WCONTINUED);
    }

    /* SIGCONT takes pending stops away, a stop takes pending SIGCONT away. */
    change_mask(SIG_BLOCK, SIGTSTP);
    change_mask(SIG_BLOCK, SIGCONT);
    sigset_t pending;
    CHECK(raise(SIGTSTP) == 0 && sigpending(&pending) == 0);
    printf("pending TSTP %d", sigismember(&pending, SIGTSTP));
    CHECK(raise(SIGCONT) == 0 && sigpending(&pending) == 0);
    printf(", after CONT: TSTP %d CONT %d", sigismember(&pending, SIGTSTP), sigismember(&pending, SIGCONT));
    CHECK(raise(SIGTSTP) == 0 && sigpending(&pending) == 0);
    printf(", after TSTP: TSTP %d CONT %d\n", sigismember(&pending, SIGTSTP), sigismember(&pending, SIGCONT));
    return 0;
}

PROGRAM(test, { "idle", be_idle }, { "continued", until_continued }, { "handles", handle_stops }, { "itself", stop_itself })
