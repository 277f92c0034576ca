/* System V message queues: types, sizes, full and empty queues, removal, bad arguments. */
#define _GNU_SOURCE
#include "../check.h"
#include <signal.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/wait.h>

#ifndef MSG_COPY
#define MSG_COPY 040000
#endif

static int id;
static struct message {
    long type;
    char text[10000];
} message;

static int send_text(long type, const char *text, int flags)
{
    message.type = type;
    strcpy(message.text, text);
    return msgsnd(id, &message, strlen(text) + 1, flags);
}

static void receive(size_t size, long type, int flags)
{
    memset(&message, 0, sizeof message);
    errno = 0;
    ssize_t len = msgrcv(id, &message, size, type, flags);
    if (len < 0)
        printf("receive %ld: %s\n", type, error_name(errno));
    else
        printf("receive %ld: %zd, type %ld, %.5s\n", type, len, message.type, message.text);
    fflush(stdout);
}

static void on_signal(int signal)
{
    (void)signal;
}

static pid_t start(void)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
        sigaction(SIGUSR1, &action, NULL);
        receive(100, 7, 0);
        _exit(0);
    }
    usleep(50000);
    return child;
}

static void reap(pid_t child)
{
    CHECK(waitpid(child, NULL, 0) == child);
}

static void show_stat(void)
{
    struct msqid_ds ds;
    CHECK(msgctl(id, IPC_STAT, &ds) == 0);
    printf("stat: mode %o, %lu bytes, %lu messages, at most %lu, sender %d, receiver %d, times %d %d %d\n",
           ds.msg_perm.mode, ds.__msg_cbytes, ds.msg_qnum, ds.msg_qbytes, ds.msg_lspid == getpid(),
           ds.msg_lrpid == getpid(), ds.msg_stime != 0, ds.msg_rtime != 0, ds.msg_ctime != 0);
}

int main(void)
{
    key_t key = 0x454e0000 | (getpid() & 0xffff);
    SHOW(msgget(key, 0600));
    id = msgget(key, IPC_CREAT | IPC_EXCL | 0600);
    CHECK(id >= 0);
    SHOW(msgget(key, IPC_CREAT | IPC_EXCL | 0600));
    printf("same %d\n", msgget(key, 0) == id);
    show_stat();

    SHOW(send_text(1, "one", 0));
    SHOW(send_text(3, "three", 0));
    SHOW(send_text(2, "two", 0));
    SHOW(send_text(1, "again", 0));
    SHOW(send_text(0, "zero", 0));
    SHOW(send_text(-1, "minus", 0));
    show_stat();
    receive(100, 1, IPC_NOWAIT | MSG_COPY);
    receive(100, 9, IPC_NOWAIT | MSG_COPY);
    receive(100, 0, MSG_COPY);
    receive(100, 2, 0);
    receive(100, -2, 0);
    receive(3, 0, 0);
    receive(3, 0, MSG_NOERROR);
    receive(100, 1, IPC_NOWAIT | MSG_EXCEPT);
    receive(100, 9, IPC_NOWAIT);
    receive(100, -1, IPC_NOWAIT);
    receive(100, 0, IPC_NOWAIT);
    show_stat();
    SHOW(msgrcv(id, &message, -1, 0, IPC_NOWAIT));
    SHOW(msgrcv(-1, &message, 1, 0, IPC_NOWAIT));
    SHOW(msgsnd(id, (void *)8, 1, 0));
    message.type = 1;
    SHOW(msgsnd(id, &message, 8193, 0));
    SHOW(msgsnd(id, &message, 0, 0));
    receive(0, 0, 0);

    puts("a full queue");
    int count = 0;
    message.type = 5;
    while (msgsnd(id, &message, 4000, IPC_NOWAIT) == 0)
        count++;
    printf("%d, %s\n", count, error_name(errno));
    pid_t child = fork();
    if (child == 0) {
        errno = 0;
        int result = msgsnd(id, &message, 4000, 0);
        printf("child: %s\n", result == 0 ? "OK" : error_name(errno));
        fflush(stdout);
        _exit(0);
    }
    usleep(30000);
    CHECK(msgrcv(id, &message, sizeof message.text, 0, 0) == 4000);
    reap(child);
    while (msgrcv(id, &message, sizeof message.text, 0, IPC_NOWAIT) > 0)
        count--;
    printf("%d\n", count);

    puts("waits");
    child = start();
    SHOW(send_text(6, "six", 0));
    SHOW(send_text(7, "seven", 0));
    reap(child);
    receive(100, 0, 0);
    child = start();
    kill(child, SIGUSR1);
    reap(child);

    puts("the capacity");
    struct msqid_ds ds;
    CHECK(msgctl(id, IPC_STAT, &ds) == 0);
    ds.msg_qbytes = 3;
    SHOW(msgctl(id, IPC_SET, &ds));
    SHOW(send_text(1, "four", IPC_NOWAIT));
    ds.msg_qbytes = 16384;
    ds.msg_perm.mode = 0444;
    SHOW(msgctl(id, IPC_SET, &ds));
    fflush(stdout);
    child = fork();
    if (child == 0) {
        CHECK(setgid(65534) == 0 && setuid(65534) == 0);
        SHOW(send_text(1, "x", IPC_NOWAIT));
        receive(100, 0, IPC_NOWAIT);
        SHOW(msgctl(id, IPC_SET, &ds));
        SHOW(msgctl(id, IPC_RMID, NULL));
        fflush(stdout);
        _exit(0);
    }
    reap(child);
    struct msginfo info;
    CHECK(msgctl(0, IPC_INFO, (struct msqid_ds *)&info) >= 0);
    printf("limits %d %d %d %d %d %d %d %d\n", info.msgpool, info.msgmap, info.msgmax, info.msgmnb, info.msgmni,
           info.msgssz, info.msgtql, info.msgseg);

    puts("removal");
    child = start();
    CHECK(msgctl(id, IPC_RMID, NULL) == 0);
    reap(child);
    SHOW(send_text(1, "x", 0));
    SHOW(msgctl(id, IPC_STAT, &ds));
    return 0;
}
