// build: -static-pie -pthread
// Programs that forked children execute, over and over, while the parent waits: what it sees of them, and they of it.
#include <pthread.h>
#include "process.h"

static volatile sig_atomic_t handled;

static void count(int signal)
{
    (void)signal;
    handled++;
}

static int go[2];

static void go_on(int signal)
{
    (void)signal;
    handled++;
    tell(go[1]);
}

/* Starts this program again in a forked child. */
static pid_t fork_exec(char **argv)
{
    fflush(stdout);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        execve("/proc/self/exe", argv, environ);
        _exit(98);
    }
    return pid;
}

#define FORK_EXEC(...) fork_exec((char *[]){ "self", __VA_ARGS__, 0 })

static int exit_with(char **args)
{
    return atoi(args[0]);
}

static void statuses(void)
{
    for (int i = 0; i < 300; i++)
        CHECK(WEXITSTATUS(end_of(FORK_EXEC("exit", text_of(i % 100)))) == i % 100);
    printf("statuses\n");
}

/* Sends a signal to the parent, once that waits, and sleeps until it's told to go on. */
static int signal_parent(char **args)
{
    await_state(getppid(), 'S');
    CHECK(kill(getppid(), SIGUSR1) == 0);
    await(atoi(args[0]));
    return 3;
}

static void signals_to_who_waits(void)
{
    CHECK(pipe(go) == 0);
    set_handler(SIGUSR1, count, 0);
    for (int i = 0; i < 50; i++) {
        handled = 0;
        pid_t pid = FORK_EXEC("signal", text_of(go[0]));
        int status;
        CHECK(waitpid(pid, &status, 0) == -1 && errno == EINTR && handled == 1);
        tell(go[1]);
        CHECK(WEXITSTATUS(end_of(pid)) == 3);
    }
    set_handler(SIGUSR1, go_on, SA_RESTART);
    for (int i = 0; i < 50; i++) {
        handled = 0;
        int status;
        pid_t pid = FORK_EXEC("signal", text_of(go[0]));
        CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 3 && handled == 1);
    }
    printf("signals to who waits\n");
}

/* The end of a child doesn't interrupt the wait for it. */
static void handlers_of_ends(void)
{
    set_handler(SIGCHLD, count, 0);
    handled = 0;
    for (int i = 0; i < 100; i++) {
        int status;
        pid_t pid = FORK_EXEC("exit", "4");
        CHECK(waitpid(-1, &status, 0) == pid && WEXITSTATUS(status) == 4);
        CHECK(handled == i + 1);
    }
    siginfo_t info;
    for (int i = 0; i < 100; i++) {
        pid_t pid = FORK_EXEC("exit", "4");
        CHECK(waitid(P_PID, pid, &info, WEXITED) == 0 && info.si_pid == pid && info.si_status == 4);
    }
    set_handler(SIGCHLD, SIG_DFL, 0);
    printf("handlers of ends\n");
}

static int fork_on_and_on(char **args)
{
    (void)args;
    for (;;)
        CHECK(WEXITSTATUS(end_of(FORK_EXEC("exit", "1"))) == 1);
}

static void wait_us(long us)
{
    struct timespec time = { 0, us * 1000 };
    nanosleep(&time, 0);
}

static void kills_of_who_waits(void)
{
    for (int i = 0; i < 60; i++) {
        pid_t pid = SPAWN("on and on");
        wait_us(3000 + i * 37);
        CHECK(kill(pid, SIGKILL) == 0);
        int status = end_of(pid);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
    printf("kills of who waits\n");
}

static void kills_of_who_executes(void)
{
    int ended = 0;
    for (int i = 0; i < 200; i++) {
        pid_t pid = FORK_EXEC("exit", "6");
        wait_us(i * 5);
        kill(pid, SIGKILL);
        int status = end_of(pid);
        CHECK(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 6);
        ended++;
    }
    printf("kills of who executes: %d\n", ended);
}

static int chain(char **args)
{
    int left = atoi(args[0]);
    return left == 0 ? 1 : 1 + WEXITSTATUS(end_of(FORK_EXEC("chain", text_of(left - 1))));
}

static void chains(void)
{
    for (int i = 0; i < 10; i++)
        CHECK(WEXITSTATUS(end_of(FORK_EXEC("chain", "9"))) == 10);
    printf("chains\n");
}

enum { MANY = 100 };

static void many_at_once(void)
{
    pid_t pids[MANY];
    for (int i = 0; i < MANY; i++)
        pids[i] = FORK_EXEC("exit", text_of(i));
    for (int left = MANY; left > 0; left--) {
        int status;
        pid_t pid = waitpid(-1, &status, 0);
        CHECK(pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) < MANY && pids[WEXITSTATUS(status)] == pid);
        pids[WEXITSTATUS(status)] = 0;
    }
    CHECK(waitpid(-1, 0, 0) == -1 && errno == ECHILD);
    printf("many at once\n");
}

static int look_at_inheritance(char **args)
{
    sigset_t set;
    CHECK(fcntl(atoi(args[0]), F_GETFD) == -1 && errno == EBADF);
    CHECK(fcntl(atoi(args[1]), F_GETFD) == 0);
    CHECK(sigpending(&set) == 0 && sigismember(&set, SIGUSR2) && !sigismember(&set, SIGUSR1));
    CHECK(sigprocmask(SIG_BLOCK, 0, &set) == 0 && sigismember(&set, SIGUSR2));
    struct sigaction action;
    CHECK(sigaction(SIGUSR1, 0, &action) == 0 && action.sa_handler == SIG_DFL);
    return 5;
}

static void inheritance(void)
{
    int closed = open("/dev/null", O_RDONLY | O_CLOEXEC), kept = open("/dev/null", O_RDONLY);
    CHECK(closed >= 0 && kept >= 0);
    for (int i = 0; i < 20; i++) {
        fflush(stdout);
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            set_handler(SIGUSR1, count, 0);
            change_mask(SIG_BLOCK, SIGUSR2);
            raise(SIGUSR2);
            execl("/no/such/program", "none", NULL);
            CHECK(errno == ENOENT);
            execl("/proc/self/exe", "self", "inherit", text_of(closed), text_of(kept), NULL);
            _exit(97);
        }
        CHECK(WEXITSTATUS(end_of(pid)) == 5);
        CHECK(fcntl(closed, F_GETFD) == FD_CLOEXEC);
    }
    close(closed);
    close(kept);
    printf("inheritance\n");
}

static void *sleep_on(void *argument)
{
    for (;;)
        pause();
    return argument;
}

static void *execute(void *argument)
{
    execl("/proc/self/exe", "self", "exit", "8", NULL);
    return argument;
}

static void with_threads(void)
{
    for (int i = 0; i < 20; i++) {
        fflush(stdout);
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            pthread_t thread;
            CHECK(pthread_create(&thread, 0, sleep_on, 0) == 0);
            if (i % 2)
                execute(0);
            CHECK(pthread_create(&thread, 0, execute, 0) == 0);
            sleep_on(0);
        }
        CHECK(WEXITSTATUS(end_of(pid)) == 8);
    }
    printf("with threads\n");
}

static void vforks_of_children(void)
{
    for (int i = 0; i < 20; i++) {
        fflush(stdout);
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            pid_t child = vfork();
            if (child == 0) {
                execl("/proc/self/exe", "self", "exit", "9", NULL);
                _exit(96);
            }
            _exit(WEXITSTATUS(end_of(child)) + 1);
        }
        CHECK(WEXITSTATUS(end_of(pid)) == 10);
    }
    printf("vforks of children\n");
}

static int stop(char **args)
{
    (void)args;
    raise(SIGSTOP);
    return 2;
}

static void stops(void)
{
    for (int i = 0; i < 20; i++) {
        pid_t pid = FORK_EXEC("stop", "");
        int status;
        CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
        CHECK(kill(pid, SIGCONT) == 0);
        CHECK(WEXITSTATUS(end_of(pid)) == 2);
    }
    printf("stops\n");
}

static int await_and_exit(char **args)
{
    await(atoi(args[0]));
    return 1;
}

static int tell_and_exit(char **args)
{
    tell(atoi(args[0]));
    return 2;
}

static void waits_for_another(void)
{
    for (int i = 0; i < 50; i++) {
        pid_t waits = FORK_EXEC("await", text_of(go[0]));
        pid_t tells = FORK_EXEC("tell", text_of(go[1]));
        CHECK(WEXITSTATUS(end_of(waits)) == 1);
        CHECK(WEXITSTATUS(end_of(tells)) == 2);
    }
    printf("waits for another\n");
}

static int back[2];

static void *echo(void *argument)
{
    char byte;
    while (read(go[0], &byte, 1) == 1 && byte != 'q')
        CHECK(write(back[1], &byte, 1) == 1);
    return argument;
}

static void *start_and_wait(void *argument)
{
    for (int i = 0; i < 100; i++) {
        char text[8];
        snprintf(text, sizeof text, "%d", i);
        CHECK(WEXITSTATUS(end_of(FORK_EXEC("exit", text))) == i);
    }
    return argument;
}

/* Two threads start programs and wait, while others talk to each other. */
static void beside_other_threads(void)
{
    pthread_t echoing, starting[2];
    CHECK(pipe2(back, O_CLOEXEC) == 0);
    CHECK(pthread_create(&echoing, 0, echo, 0) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&starting[i], 0, start_and_wait, 0) == 0);
    for (int i = 0; i < 300; i++) {
        tell(go[1]);
        await(back[0]);
    }
    for (int i = 0; i < 2; i++)
        CHECK(pthread_join(starting[i], 0) == 0);
    CHECK(write(go[1], "q", 1) == 1);
    CHECK(pthread_join(echoing, 0) == 0);
    printf("beside other threads\n");
}

static int test(void)
{
    statuses();
    signals_to_who_waits();
    handlers_of_ends();
    kills_of_who_waits();
    kills_of_who_executes();
    chains();
    many_at_once();
    inheritance();
    with_threads();
    vforks_of_children();
    stops();
    waits_for_another();
    beside_other_threads();
    return 0;
}

PROGRAM(test, { "exit", exit_with }, { "signal", signal_parent }, { "on and on", fork_on_and_on }, { "chain", chain },
        { "inherit", look_at_inheritance }, { "stop", stop }, { "await", await_and_exit }, { "tell", tell_and_exit })
