// How processes end, as their parent sees it: by exit, by return, by each signal, with a core dump if that is allowed.
#include "process.h"

static int quit(char **args)
{
    _exit(atoi(args[0]));
}

static int give_back(char **args)
{
    return atoi(args[0]);
}

static int die(char **args)
{
    int signal = atoi(args[0]);
    if (args[1]) {
        struct rlimit core = { RLIM_INFINITY, RLIM_INFINITY };
        setrlimit(RLIMIT_CORE, &core);
    } else {
        forbid_core();
    }
    kill(getpid(), signal);
    pause_ms(100);
    return 77;
}

static int be_idle(char **args)
{
    await(atoi(args[0]));
    return 0;
}

static int test(void)
{
    static const int statuses[] = { 0, 1, 127, 128, 255, 256, 257, -1, 1000 };
    for (int i = 0; i < 9; i++) {
        show_end("_exit", SPAWN("quit", text_of(statuses[i])));
        show_end("return", SPAWN("return", text_of(statuses[i])));
    }
    for (int signal = 1; signal <= 64; signal++) {
        /* Stop signals have a test of their own. */
        if (signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU)
            continue;
        printf("%d ", signal);
        show_end("by itself", SPAWN("die", text_of(signal)));
    }
    show_end("core allowed, SEGV", SPAWN("die", text_of(SIGSEGV), "core"));
    show_end("core allowed, ABRT", SPAWN("die", text_of(SIGABRT), "core"));
    show_end("core allowed, TERM", SPAWN("die", text_of(SIGTERM), "core"));

    int gate[2];
    CHECK(pipe(gate) == 0);
    static const int sent[] = { SIGTERM, SIGKILL, SIGHUP, SIGUSR1, SIGALRM, SIGQUIT, 34, 64 };
    forbid_core();
    for (int i = 0; i < 8; i++) {
        pid_t pid = SPAWN("idle", text_of(gate[0]));
        if (i % 2)
            await_state(pid, 'S');
        CHECK(kill(pid, sent[i]) == 0);
        show_end("sent", pid);
    }
    return 0;
}

PROGRAM(test, { "quit", quit }, { "return", give_back }, { "die", die }, { "idle", be_idle })
