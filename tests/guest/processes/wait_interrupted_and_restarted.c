// A signal interrupts a wait (EINTR), or with SA_RESTART the wait goes on.
#include "process.h"

static volatile int count;

static void handler(int signal)
{
    (void)signal;
    count++;
}

/* Signals its parent until told to end: one signal alone may come before the parent waits. */
static int insist(char **args)
{
    int gate = atoi(args[0]);
    char byte;
    CHECK(fcntl(gate, F_SETFL, O_NONBLOCK) == 0);
    while (read(gate, &byte, 1) != 1) {
        kill(getppid(), SIGUSR1);
        pause_ms(5);
    }
    return 8;
}

/* Signals its parent as often as asked, when that sleeps, then ends. */
static int disturb(char **args)
{
    for (int i = atoi(args[0]); i > 0; i--) {
        await_state(getppid(), 'S');
        kill(getppid(), SIGUSR1);
        pause_ms(10);
    }
    return 8;
}

static int test(void)
{
    int gate[2], status;
    CHECK(pipe(gate) == 0);
    siginfo_t info;
    set_handler(SIGUSR1, handler, 0);
    pid_t pid = SPAWN("insist", text_of(gate[0]));
    SHOW(waitpid(pid, &status, 0));
    tell(gate[1]);
    show_end("afterwards", pid);
    pid = SPAWN("insist", text_of(gate[0]));
    SHOW(waitid(P_ALL, 0, &info, WEXITED));
    tell(gate[1]);
    show_end("afterwards", pid);
    printf("handled: %d\n", count >= 2);

    set_handler(SIGUSR1, handler, SA_RESTART);
    count = 0;
    pid = SPAWN("disturb", "3");
    errno = 0;
    pid_t got = waitpid(-1, &status, 0);
    printf("restarted: %d, %s, handled %d\n", got == pid, status_text(status), count);
    count = 0;
    pid = SPAWN("disturb", "3");
    int result = waitid(P_PID, pid, &info, WEXITED);
    printf("restarted: %d, status %d, handled %d\n", result, info.si_status, count);

    /* Ignored and blocked ones disturb nobody. */
    set_handler(SIGUSR1, SIG_IGN, 0);
    pid = SPAWN("disturb", "2");
    show_end("ignored", pid);
    set_handler(SIGUSR1, handler, 0);
    change_mask(SIG_BLOCK, SIGUSR1);
    pid = SPAWN("disturb", "1");
    CHECK(waitpid(pid, &status, 0) == pid);
    printf("blocked: %s\n", status_text(status));

    /* SIGCHLD with a handler: the wait succeeds nonetheless. */
    set_handler(SIGCHLD, handler, 0);
    count = 0;
    pid = SPAWN("disturb", "0");
    got = waitpid(pid, &status, 0);
    printf("SIGCHLD: %s, handled %d\n", got == pid ? status_text(status) : error_name(errno), count);
    return 0;
}

PROGRAM(test, { "disturb", disturb }, { "insist", insist })
