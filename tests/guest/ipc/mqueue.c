/* POSIX message queues: priorities, limits, timeouts, poll, notification, names and permissions. */
#define _GNU_SOURCE
#include "../check.h"
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static mqd_t queue;
static char name[40], buffer[10000];

static void receive(void)
{
    unsigned priority = 0;
    errno = 0;
    ssize_t len = mq_receive(queue, buffer, sizeof buffer, &priority);
    if (len < 0)
        printf("receive: %s\n", error_name(errno));
    else
        printf("receive: %zd, priority %u, %.*s\n", len, priority, (int)len, buffer);
    fflush(stdout);
}

static void show_poll(void)
{
    struct pollfd pfd = {.fd = queue, .events = POLLIN | POLLOUT};
    poll(&pfd, 1, 0);
    printf("poll %x\n", pfd.revents);
}

static volatile sig_atomic_t told;

static void on_signal(int signal, siginfo_t *info, void *context)
{
    (void)context;
    told = 1;
    printf("told by %s, code %d, value %d, pid %d\n", sigabbrev_np(signal), info->si_code, info->si_value.sival_int,
           info->si_pid == getpid());
}

static void show_text(void)
{
    memset(buffer, 0, 200);
    CHECK(lseek(queue, 0, SEEK_SET) == 0 || errno);
    mqd_t copy = mq_open(name, O_RDONLY);
    CHECK(copy >= 0);
    ssize_t len = read(copy, buffer, 200);
    CHECK(len > 0);
    /* Without the process id. */
    char *pid = strstr(buffer, "NOTIFY_PID");
    CHECK(pid);
    *pid = 0;
    printf("%s\n", buffer);
    mq_close(copy);
}

static void reap(pid_t child)
{
    CHECK(waitpid(child, NULL, 0) == child);
}

int main(void)
{
    umask(022);
    snprintf(name, sizeof name, "/enclos-%d", getpid());
    struct mq_attr attributes = {.mq_maxmsg = 4, .mq_msgsize = 100};
    SHOW(mq_open(name, O_RDWR));
    SHOW(mq_open("/", O_RDWR | O_CREAT, 0600, NULL));
    SHOW(mq_open("/a/b", O_RDWR | O_CREAT, 0600, NULL));
    SHOW(mq_open("none", O_RDWR | O_CREAT, 0600, NULL));
    struct mq_attr bad = {.mq_maxmsg = 0, .mq_msgsize = 100};
    SHOW(mq_open(name, O_RDWR | O_CREAT, 0600, &bad));
    bad = (struct mq_attr){.mq_maxmsg = 10, .mq_msgsize = -1};
    SHOW(mq_open(name, O_RDWR | O_CREAT, 0600, &bad));
    queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0666, &attributes);
    CHECK(queue >= 0);
    SHOW(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes));
    SHOW(mq_open(name, O_WRONLY | O_RDWR));
    struct stat info;
    CHECK(fstat(queue, &info) == 0);
    printf("mode %o, size %ld\n", info.st_mode, (long)info.st_size);
    struct mq_attr got;
    CHECK(mq_getattr(queue, &got) == 0);
    printf("flags %lx, %ld of %ld, now %ld\n", got.mq_flags, got.mq_maxmsg, got.mq_msgsize, got.mq_curmsgs);
    printf("descriptor flags %x\n", fcntl(queue, F_GETFD));

    show_poll();
    receive();
    SHOW(mq_send(queue, "low", 3, 0));
    SHOW(mq_send(queue, "high", 4, 32767));
    SHOW(mq_send(queue, "x", 1, 32768));
    SHOW(mq_send(queue, "middle", 6, 5));
    show_poll();
    SHOW(mq_send(queue, "later", 5, 5));
    show_poll();
    show_text();
    SHOW(mq_send(queue, "full", 4, 5));
    SHOW(mq_send(queue, buffer, 101, 5));
    SHOW(mq_receive(queue, buffer, 99, NULL));
    for (int i = 0; i < 5; i++)
        receive();
    SHOW(mq_send(queue, "", 0, 1));
    receive();
    SHOW(write(queue, "x", 1));

    puts("waits");
    attributes.mq_flags = 0;
    CHECK(mq_setattr(queue, &attributes, &got) == 0);
    printf("flags %lx, now %x\n", got.mq_flags, fcntl(queue, F_GETFL) & O_NONBLOCK);
    struct timespec when;
    clock_gettime(CLOCK_REALTIME, &when);
    SHOW(mq_timedreceive(queue, buffer, sizeof buffer, NULL, &when));
    when.tv_nsec = -1;
    SHOW(mq_timedreceive(queue, buffer, sizeof buffer, NULL, &when));
    SHOW(mq_timedsend(queue, "x", 1, 0, &when));
    fflush(stdout);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        receive();
        _exit(0);
    }
    usleep(30000);
    SHOW(mq_send(queue, "to the child", 12, 1));
    reap(child);
    for (int i = 0; i < 4; i++)
        CHECK(mq_send(queue, "fill", 4, i) == 0);
    fflush(stdout);
    child = fork();
    CHECK(child >= 0);
    if (child == 0)
        _exit(mq_send(queue, "from the child", 14, 9) == 0 ? 5 : 6);
    usleep(30000);
    for (int i = 0; i < 5; i++)
        receive();
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    printf("child: %d\n", WEXITSTATUS(status));

    puts("notification");
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &action, NULL);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42};
    SHOW(mq_notify(queue, &event));
    SHOW(mq_notify(queue, &event));
    SHOW(mq_send(queue, "first", 5, 0));
    printf("told %d\n", told);
    told = 0;
    SHOW(mq_send(queue, "second", 6, 0));
    printf("told %d\n", told);
    receive();
    receive();
    SHOW(mq_send(queue, "third", 5, 0));
    printf("told %d\n", told);
    receive();
    SHOW(mq_notify(queue, &event));
    SHOW(mq_notify(queue, NULL));
    event.sigev_notify = SIGEV_NONE;
    SHOW(mq_notify(queue, &event));
    show_text();
    /* Closing a descriptor of the queue has ended that. */
    show_text();
    SHOW(mq_notify(queue, NULL));
    event.sigev_notify = 77;
    SHOW(mq_notify(queue, &event));
    SHOW(mq_notify(1, NULL));

    puts("access");
    mqd_t only = mq_open(name, O_RDONLY);
    CHECK(only >= 0);
    SHOW(mq_send(only, "x", 1, 0));
    mq_close(only);
    only = mq_open(name, O_WRONLY);
    SHOW(mq_receive(only, buffer, sizeof buffer, NULL));
    mq_close(only);
    SHOW(mq_send(1, "x", 1, 0));
    SHOW(mq_getattr(1, &got));
    fflush(stdout);
    child = fork();
    if (child == 0) {
        CHECK(setgid(65534) == 0 && setuid(65534) == 0);
        SHOW(mq_open(name, O_RDONLY));
        SHOW(mq_open(name, O_RDWR));
        SHOW(mq_unlink(name));
        struct mq_attr large = {.mq_maxmsg = 11, .mq_msgsize = 100};
        SHOW(mq_open("/enclos-large", O_RDWR | O_CREAT, 0600, &large));
        fflush(stdout);
        _exit(0);
    }
    reap(child);

    puts("names");
    CHECK(mq_send(queue, "kept", 4, 0) == 0);
    SHOW(mq_unlink(name));
    SHOW(mq_unlink(name));
    SHOW(mq_open(name, O_RDWR));
    receive();
    CHECK(mq_close(queue) == 0);
    SHOW(mq_close(queue));
    return 0;
}
