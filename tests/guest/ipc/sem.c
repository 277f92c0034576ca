/* System V semaphores: operations at once, waits, undoing, removal, counts, bad arguments. */
#define _GNU_SOURCE
#include "../check.h"
#include <signal.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <time.h>

union semun {
    int val;
    struct semid_ds *buf;
    unsigned short *array;
    struct seminfo *info;
};

static int id;

static int operate(int number, int operation, int flags)
{
    struct sembuf buf = {number, operation, flags};
    return semop(id, &buf, 1);
}

static void show_values(const char *what)
{
    unsigned short values[3];
    union semun arg = {.array = values};
    CHECK(semctl(id, 0, GETALL, arg) == 0);
    printf("%s: %d %d %d\n", what, values[0], values[1], values[2]);
    fflush(stdout);
}

static void on_signal(int signal)
{
    (void)signal;
}

/* Waits until `count` wait for a semaphore. */
static void wait_waiters(int command, int number, int count)
{
    for (int i = 0; i < 1000 && semctl(id, number, command) != count; i++)
        usleep(2000);
    printf("waiting: %d\n", semctl(id, number, command));
    fflush(stdout);
}

static pid_t start(int number, int operation, int flags)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
        sigaction(SIGUSR1, &action, NULL);
        errno = 0;
        int result = operate(number, operation, flags);
        printf("child: %s\n", result == 0 ? "OK" : error_name(errno));
        fflush(stdout);
        _exit(0);
    }
    return child;
}

static void reap(pid_t child)
{
    CHECK(waitpid(child, NULL, 0) == child);
}

int main(void)
{
    key_t key = 0x454e0000 | (getpid() & 0xffff);
    SHOW(semget(key, 3, 0600));
    id = semget(key, 3, IPC_CREAT | IPC_EXCL | 0600);
    CHECK(id >= 0);
    SHOW(semget(key, 3, IPC_CREAT | IPC_EXCL | 0600));
    printf("same %d\n", semget(key, 0, 0) == id);
    SHOW(semget(key, 4, 0));
    SHOW(semget(IPC_PRIVATE, 0, 0600));
    SHOW(semget(IPC_PRIVATE, -1, 0600));
    SHOW(semget(IPC_PRIVATE, 32001, 0600));
    show_values("new");
    unsigned short initial[3] = {1, 2, 3};
    union semun arg = {.array = initial};
    SHOW(semctl(id, 0, SETALL, arg));
    arg.val = 5;
    SHOW(semctl(id, 1, SETVAL, arg));
    show_values("set");
    arg.val = 40000;
    SHOW(semctl(id, 1, SETVAL, arg));
    arg.val = -1;
    SHOW(semctl(id, 1, SETVAL, arg));
    SHOW(semctl(id, 3, GETVAL));
    SHOW(semctl(id, -1, GETVAL));
    SHOW_VALUE(semctl(id, 2, GETVAL));
    printf("pid %d\n", semctl(id, 1, GETPID) == getpid());

    struct sembuf both[2] = {{0, -1, 0}, {1, 2, 0}};
    SHOW(semop(id, both, 2));
    show_values("both");
    both[0].sem_flg = IPC_NOWAIT;
    SHOW(semop(id, both, 2));
    show_values("neither");
    struct sembuf chain[3] = {{0, 4, 0}, {0, -3, 0}, {0, -1, 0}};
    SHOW(semop(id, chain, 3));
    show_values("a chain on one");
    SHOW(operate(0, 0, 0));
    SHOW(operate(1, 0, IPC_NOWAIT));
    SHOW(operate(3, 1, 0));
    SHOW(operate(2, 32767, 0));
    SHOW(semop(id, both, 0));
    SHOW(semop(id, both, 501));
    SHOW(semop(-1, both, 1));
    SHOW(semop(id, (void *)8, 1));

    puts("waits");
    pid_t child = start(0, -2, 0);
    wait_waiters(GETNCNT, 0, 1);
    SHOW(operate(0, 1, 0));
    usleep(20000);
    wait_waiters(GETNCNT, 0, 1);
    SHOW(operate(0, 1, 0));
    reap(child);
    show_values("taken");
    child = start(1, 0, 0);
    wait_waiters(GETZCNT, 1, 1);
    arg.val = 0;
    SHOW(semctl(id, 1, SETVAL, arg));
    reap(child);
    puts("a timeout");
    struct timespec timeout = {0, 20000000};
    struct sembuf down = {0, -1, 0};
    SHOW(semtimedop(id, &down, 1, &timeout));
    timeout.tv_nsec = 0;
    SHOW(semtimedop(id, &down, 1, &timeout));
    timeout.tv_nsec = 1000000000;
    SHOW(semtimedop(id, &down, 1, &timeout));
    puts("a signal");
    child = start(0, -1, 0);
    wait_waiters(GETNCNT, 0, 1);
    kill(child, SIGUSR1);
    reap(child);
    SHOW_VALUE(semctl(id, 0, GETNCNT));

    puts("undoing");
    unsigned short more[3] = {5, 5, 5};
    arg.array = more;
    CHECK(semctl(id, 0, SETALL, arg) == 0);
    child = fork();
    if (child == 0) {
        CHECK(operate(0, -3, SEM_UNDO) == 0);
        CHECK(operate(1, 4, SEM_UNDO) == 0);
        CHECK(operate(2, -2, 0) == 0);
        show_values("in the child");
        /* Its own child has nothing to undo. */
        pid_t grandchild = fork();
        if (grandchild == 0)
            _exit(0);
        reap(grandchild);
        show_values("its child has ended");
        _exit(0);
    }
    reap(child);
    show_values("undone");
    child = fork();
    if (child == 0) {
        CHECK(operate(0, -3, SEM_UNDO) == 0);
        arg.val = 9;
        CHECK(semctl(id, 0, SETVAL, arg) == 0);
        _exit(0);
    }
    reap(child);
    show_values("set anew");
    /* Who waits gets what is undone, also of a killed process. */
    child = fork();
    if (child == 0) {
        CHECK(operate(0, -9, SEM_UNDO) == 0);
        pause();
        _exit(0);
    }
    for (int i = 0; i < 1000 && semctl(id, 0, GETVAL) != 0; i++)
        usleep(2000);
    pid_t waiter = start(0, -1, 0);
    wait_waiters(GETNCNT, 0, 1);
    kill(child, SIGKILL);
    reap(child);
    reap(waiter);
    show_values("killed");

    struct semid_ds ds;
    arg.buf = &ds;
    CHECK(semctl(id, 0, IPC_STAT, arg) == 0);
    printf("stat: %lu, mode %o, times %d %d\n", ds.sem_nsems, ds.sem_perm.mode, ds.sem_otime != 0, ds.sem_ctime != 0);
    ds.sem_perm.mode = 0444;
    CHECK(semctl(id, 0, IPC_SET, arg) == 0);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        CHECK(setgid(65534) == 0 && setuid(65534) == 0);
        SHOW(operate(0, 1, 0));
        SHOW(operate(1, 0, IPC_NOWAIT));
        SHOW(semctl(id, 0, GETVAL));
        arg.val = 1;
        SHOW(semctl(id, 0, SETVAL, arg));
        SHOW(semctl(id, 0, IPC_RMID));
        fflush(stdout);
        _exit(0);
    }
    reap(child);
    struct seminfo info;
    arg.info = &info;
    CHECK(semctl(0, 0, IPC_INFO, arg) >= 0);
    printf("limits %d %d %d %d %d %d %d %d %d %d\n", info.semmap, info.semmni, info.semmns, info.semmnu, info.semmsl,
           info.semopm, info.semume, info.semusz, info.semvmx, info.semaem);

    puts("removal");
    child = start(1, 0, 0);
    wait_waiters(GETZCNT, 1, 1);
    CHECK(semctl(id, 0, IPC_RMID) == 0);
    reap(child);
    SHOW(operate(0, 1, 0));
    SHOW(semctl(id, 0, GETVAL));
    SHOW(semctl(id, 0, IPC_RMID));
    return 0;
}
