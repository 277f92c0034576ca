// Signals from one process to another: siginfo, values queued in order, tkill and tgkill to threads, who may send what.
#include <pthread.h>
#include "process.h"

static int note_fd;

struct note {
    int signal, code, pid, uid, value, tid;
};

static void handler(int signal, siginfo_t *info, void *context)
{
    (void)context;
    struct note note = { signal, info->si_code, info->si_pid, info->si_uid, info->si_value.sival_int, gettid() };
    if (write(note_fd, &note, sizeof note) != sizeof note)
        _exit(9);
}

static void *second_thread(void *argument)
{
    int tid = gettid();
    if (write(*(int *)argument, &tid, sizeof tid) != sizeof tid)
        _exit(9);
    for (;;)
        pause_ms(1000000);
    return 0;
}

/* Reports all signals that reach it, with USR2 blocked until told. */
static int target(char **args)
{
    note_fd = atoi(args[0]);
    static int ready;
    ready = atoi(args[1]);
    static const int signals[] = { SIGUSR1, SIGUSR2, 34, 35 };
    for (int i = 0; i < 4; i++) {
        struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART };
        sigfillset(&action.sa_mask);
        CHECK(sigaction(signals[i], &action, 0) == 0);
    }
    change_mask(SIG_BLOCK, SIGUSR2);
    change_mask(SIG_BLOCK, 34);
    change_mask(SIG_BLOCK, 35);
    pthread_t thread;
    CHECK(pthread_create(&thread, 0, second_thread, &ready) == 0);
    await(atoi(args[2]));
    change_mask(SIG_UNBLOCK, SIGUSR2);
    change_mask(SIG_UNBLOCK, 35);
    change_mask(SIG_UNBLOCK, 34);
    await(atoi(args[2]));
    return 0;
}

static int notes[2];
static pid_t pid, second;

static void show_note(void)
{
    struct note note;
    CHECK(read(notes[0], &note, sizeof note) == sizeof note);
    printf("  signal %d, code %d, from this process %d, user %d, value %d, in %s\n", note.signal, note.code,
           note.pid == getpid(), note.uid, note.value,
           note.tid == pid ? "the first thread" : note.tid == second ? "the second" : "none");
}

static long queue(long call, pid_t process, pid_t thread, int signal, int code, int value)
{
    siginfo_t info = { .si_signo = signal, .si_code = code };
    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value.sival_int = value;
    return call == SYS_rt_sigqueueinfo ? syscall(call, process, signal, &info) : syscall(call, process, thread, signal, &info);
}

static int test(void)
{
    int ready[2], gate[2];
    CHECK(pipe(notes) == 0 && pipe(ready) == 0 && pipe(gate) == 0);
    pid = SPAWN("target", text_of(notes[1]), text_of(ready[1]), text_of(gate[0]));
    CHECK(read(ready[0], &second, sizeof second) == sizeof second && second != pid);
    await_state(pid, 'S');

    SHOW(kill(pid, SIGUSR1));
    show_note();
    SHOW(syscall(SYS_tkill, pid, SIGUSR1));
    show_note();
    SHOW(syscall(SYS_tkill, second, SIGUSR1));
    show_note();
    SHOW(syscall(SYS_tgkill, pid, second, SIGUSR1));
    show_note();
    SHOW(syscall(SYS_tgkill, getpid(), second, SIGUSR1));
    SHOW(syscall(SYS_tgkill, pid, getpid(), SIGUSR1));
    SHOW(syscall(SYS_tgkill, second, second, SIGUSR1));
    SHOW(syscall(SYS_tgkill, pid, 0, SIGUSR1));
    SHOW(syscall(SYS_tgkill, 0, pid, SIGUSR1));
    SHOW(syscall(SYS_tgkill, pid, pid, 0));
    SHOW(syscall(SYS_tgkill, pid, pid, 65));
    SHOW(syscall(SYS_tkill, 0, SIGUSR1));
    SHOW(syscall(SYS_tkill, 0x3fffffff, SIGUSR1));
    /* kill by a thread's id reaches the process. */
    SHOW(kill(second, SIGUSR1));
    struct note note;
    CHECK(read(notes[0], &note, sizeof note) == sizeof note && note.signal == SIGUSR1);

    /* In its handler the first thread blocks the signal, so that the second would get it. */
    await_state(pid, 'S');
    SHOW(sigqueue(pid, SIGUSR1, (union sigval){ .sival_int = 4711 }));
    show_note();
    await_state(pid, 'S');
    SHOW(queue(SYS_rt_sigqueueinfo, pid, 0, SIGUSR1, SI_USER, 1));
    SHOW(queue(SYS_rt_sigqueueinfo, pid, 0, SIGUSR1, SI_TKILL, 1));
    SHOW(queue(SYS_rt_sigqueueinfo, pid, 0, SIGUSR1, SI_KERNEL, 1));
    SHOW(queue(SYS_rt_sigqueueinfo, pid, 0, SIGUSR1, -10, 17));
    show_note();
    SHOW(queue(SYS_rt_tgsigqueueinfo, pid, second, SIGUSR1, SI_QUEUE, 18));
    show_note();
    SHOW(queue(SYS_rt_tgsigqueueinfo, pid, second, SIGUSR1, SI_USER, 18));
    SHOW(queue(SYS_rt_tgsigqueueinfo, getpid(), second, SIGUSR1, SI_QUEUE, 18));
    SHOW(queue(SYS_rt_sigqueueinfo, 0x3fffffff, 0, SIGUSR1, SI_QUEUE, 1));
    SHOW(queue(SYS_rt_sigqueueinfo, pid, 0, 65, SI_QUEUE, 1));
    SHOW(syscall(SYS_rt_sigqueueinfo, pid, SIGUSR1, 8));

    /* Directed at the thread that blocks them, so that they stay in order. */
    puts("queued:");
    for (int i = 0; i < 3; i++) {
        CHECK(queue(SYS_rt_tgsigqueueinfo, pid, pid, 35, SI_QUEUE, 350 + i) == 0);
        CHECK(queue(SYS_rt_tgsigqueueinfo, pid, pid, 34, SI_QUEUE, 340 + i) == 0);
        CHECK(queue(SYS_rt_tgsigqueueinfo, pid, pid, SIGUSR2, SI_QUEUE, 120 + i) == 0);
    }
    tell(gate[1]);
    for (int i = 0; i < 7; i++)
        show_note();
    tell(gate[1]);
    show_end("target", pid);
    SHOW(syscall(SYS_tgkill, pid, pid, 0));
    return 0;
}

PROGRAM(test, { "target", target })
