// build: -pthread
// args: 300
// A process forks again and again while its other threads are in all kinds of system calls; each child can make them too.
// With an argument of 100000 it takes some minutes.
#define _GNU_SOURCE
#include "../check.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

extern char **environ;

static atomic_int is_over;

static void pass(int from, int to)
{
    char byte = 1;
    CHECK(write(to, &byte, 1) == 1 && read(from, &byte, 1) == 1);
    close(from);
    close(to);
}

static void use_pipe(void)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    pass(ends[0], ends[1]);
}

static void use_socket(void)
{
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    pass(ends[0], ends[1]);
}

static void use_epoll(void)
{
    int epoll = epoll_create1(0), event = eventfd(1, 0);
    struct epoll_event wanted = {.events = EPOLLIN};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, event, &wanted) == 0);
    CHECK(epoll_wait(epoll, &wanted, 1, -1) == 1);
    close(event);
    close(epoll);
}

static void use_file(void)
{
    char name[] = "/tmp/kernel.XXXXXX";
    int fd = mkstemp(name);
    CHECK(fd >= 0 && write(fd, name, sizeof name) == sizeof name && ftruncate(fd, 3) == 0);
    CHECK(unlink(name) == 0 && close(fd) == 0);
}

static void use_memory(void)
{
    free(malloc(100000));
    char *place = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(place != MAP_FAILED);
    place[1 << 19] = 1;
    CHECK(mprotect(place, 4096, PROT_READ) == 0 && munmap(place, 1 << 20) == 0);
}

static void *end(void *unused)
{
    return unused;
}

static void use_thread(void)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, end, NULL) == 0 && pthread_join(thread, NULL) == 0);
}

static void use_program(void)
{
    pid_t child;
    char *args[] = {"true", NULL};
    int status;
    CHECK(posix_spawn(&child, "/bin/true", NULL, NULL, args, environ) == 0);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void use_signal(void)
{
    CHECK(kill(getpid(), SIGUSR1) == 0);
}

static void (*const uses[])(void) = {
    use_pipe, use_socket, use_epoll, use_file, use_memory, use_thread, use_program, use_signal,
};

enum { USES = sizeof uses / sizeof *uses };

static void *use_often(void *use)
{
    while (!is_over) {
        (*(void (**)(void))use)();
        usleep(200);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    int forks = atoi(argv[argc - 1]);
    CHECK(signal(SIGUSR1, SIG_IGN) != SIG_ERR);
    pthread_t others[USES];
    for (int i = 0; i < USES; i++)
        CHECK(pthread_create(&others[i], NULL, use_often, (void *)&uses[i]) == 0);
    for (int i = 0; i < forks; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            uses[i % USES]();
            _exit(i % 100);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == i % 100);
    }
    is_over = 1;
    for (int i = 0; i < USES; i++)
        CHECK(pthread_join(others[i], NULL) == 0);
    printf("%d children\n", forks);
}
