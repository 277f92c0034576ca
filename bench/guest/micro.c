/* Operations that measure themselves: `micro OPERATION DIRECTORY MILLISECONDS` prints nanoseconds per operation. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

/* In the directory to be measured, unlinked at once or at exit. */
static char path[4096];

static void make_file(const char *directory, size_t size) {
    snprintf(path, sizeof path, "%s/enclos-bench-%d", directory, (int)getpid());
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    if (fd < 0) fail(path);
    static char block[65536];
    memset(block, 'x', sizeof block);
    for (size_t done = 0; done < size;) {
        ssize_t count = write(fd, block, size - done < sizeof block ? size - done : sizeof block);
        if (count <= 0) fail("write");
        done += count;
    }
    close(fd);
}

static void remove_file(void) {
    unlink(path);
}

static void start_nothing(const char *directory) {
    (void)directory;
}

/* getpid: the bare instruction, without libc. */

static void getpid_run(long count) {
    for (long i = 0; i < count; i++) {
        long result = SYS_getpid;
        __asm__ volatile("syscall" : "+a"(result) : : "rcx", "r11", "memory");
    }
}

/* clock_gettime: libc's, so the vDSO's. */

static void clock_run(long count) {
    struct timespec now;
    for (long i = 0; i < count; i++)
        if (clock_gettime(CLOCK_MONOTONIC, &now)) fail("clock_gettime");
}

/* pread: 4 KiB blocks of a 1 MiB file. */

enum { PREAD_FILE = 1 << 20, PREAD_BLOCK = 4096 };
static int pread_fd;

static void pread_start(const char *directory) {
    make_file(directory, PREAD_FILE);
    pread_fd = open(path, O_RDONLY);
    if (pread_fd < 0) fail(path);
    remove_file();
}

static void pread_run(long count) {
    static char block[PREAD_BLOCK];
    for (long i = 0; i < count; i++)
        if (pread(pread_fd, block, PREAD_BLOCK, i * PREAD_BLOCK % PREAD_FILE) != PREAD_BLOCK) fail("pread");
}

/* open: open, read and close a file of 100 bytes. */

enum { SMALL_FILE = 100 };

static void open_start(const char *directory) {
    make_file(directory, SMALL_FILE);
    atexit(remove_file);
}

static void open_run(long count) {
    char buffer[4096];
    for (long i = 0; i < count; i++) {
        int fd = open(path, O_RDONLY);
        if (fd < 0) fail(path);
        if (read(fd, buffer, sizeof buffer) != SMALL_FILE) fail("read");
        close(fd);
    }
}

/* mmap: map 64 KiB, touch each page, unmap. */

enum { MAPPING = 64 << 10, PAGE = 4096 };

static void mmap_run(long count) {
    for (long i = 0; i < count; i++) {
        volatile char *mapping = mmap(NULL, MAPPING, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mapping == MAP_FAILED) fail("mmap");
        for (size_t offset = 0; offset < MAPPING; offset += PAGE) mapping[offset] = 1;
        if (munmap((void *)mapping, MAPPING)) fail("munmap");
    }
}

/* thread: create one that ends at once, and join it. */

static void *end_at_once(void *argument) {
    return argument;
}

static void thread_run(long count) {
    for (long i = 0; i < count; i++) {
        pthread_t thread;
        errno = pthread_create(&thread, NULL, end_at_once, NULL);
        if (errno) fail("pthread_create");
        pthread_join(thread, NULL);
    }
}

/* futex: a round trip between two threads that sleep in turn. */

static _Atomic uint32_t turn;

static void pass_to(uint32_t whose) {
    atomic_store(&turn, whose);
    syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void wait_for(uint32_t whose) {
    uint32_t now;
    while ((now = atomic_load(&turn)) != whose) syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, now, NULL, NULL, 0);
}

static void *answer(void *argument) {
    for (;;) {
        wait_for(1);
        pass_to(0);
    }
    return argument;
}

static void futex_start(const char *directory) {
    (void)directory;
    pthread_t thread;
    errno = pthread_create(&thread, NULL, answer, NULL);
    if (errno) fail("pthread_create");
}

/* All threads on one CPU. */
static void pin(void) {
    cpu_set_t allowed, one;
    if (sched_getaffinity(0, sizeof allowed, &allowed)) fail("sched_getaffinity");
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed)) {
            CPU_SET(cpu, &one);
            break;
        }
    if (sched_setaffinity(0, sizeof one, &one)) fail("sched_setaffinity");
}

static void futex_pinned_start(const char *directory) {
    pin();
    futex_start(directory); /* the new thread inherits the set */
}

static void futex_run(long count) {
    for (long i = 0; i < count; i++) {
        pass_to(1);
        wait_for(0);
    }
}

/* spawn: posix_spawn of a program that returns at once, and wait. */

static char *program[] = {NULL, NULL, NULL};

/* Beside this program. */
static void find_program(const char *name) {
    static char found[4096];
    ssize_t length = readlink("/proc/self/exe", found, sizeof found - 1);
    if (length < 0) fail("/proc/self/exe");
    found[length] = 0;
    char *slash = strrchr(found, '/');
    snprintf(slash + 1, sizeof found - (slash + 1 - found), "%s", name);
    program[0] = found;
}

static void spawn_static_start(const char *directory) {
    (void)directory;
    find_program("nothing-static");
}

static void spawn_dynamic_start(const char *directory) {
    (void)directory;
    find_program("nothing-dynamic");
}

static void spawn_bare_start(const char *directory) {
    (void)directory;
    find_program("bare");
}

static void spawn_musl_start(const char *directory) {
    (void)directory;
    find_program("nothing-musl");
}

static void spawn_run(long count) {
    static char *environment[] = {NULL};
    for (long i = 0; i < count; i++) {
        pid_t pid;
        int status;
        errno = posix_spawn(&pid, program[0], NULL, NULL, program, environment);
        if (errno) fail("posix_spawn");
        if (waitpid(pid, &status, 0) != pid || status != 0) fail("waitpid");
    }
}

/* fork: a child that ends at once, and wait; with 64 MiB of the parent's memory touched; with a program that returns at
   once. */

enum { TOUCHED = 64 << 20 };

static void fork_touched_start(const char *directory) {
    (void)directory;
    char *memory = mmap(NULL, TOUCHED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) fail("mmap");
    memset(memory, 1, TOUCHED);
}

static void fork_run(long count) {
    static char *environment[] = {NULL};
    for (long i = 0; i < count; i++) {
        int status;
        pid_t pid = fork();
        if (pid < 0) fail("fork");
        if (pid == 0) {
            if (program[0]) execve(program[0], program, environment);
            _exit(program[0] != NULL);
        }
        if (waitpid(pid, &status, 0) != pid || status != 0) fail("waitpid");
    }
}

/* live: starts 1,000 processes that are all there at once, until the last one runs. */

enum { LIVE = 1000 };
static double now_ns(void);
static double live_ns;

static void live_run(long count) {
    static char *environment[] = {NULL};
    static pid_t children[LIVE];
    program[1] = "stay";
    for (long i = 0; i < count; i++) {
        int ready[2], end[2];
        if (pipe2(ready, O_CLOEXEC) || pipe2(end, O_CLOEXEC)) fail("pipe2");
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, end[0], 0);
        posix_spawn_file_actions_adddup2(&actions, ready[1], 1);
        double start = now_ns();
        for (int child = 0; child < LIVE; child++) {
            errno = posix_spawn(&children[child], program[0], &actions, NULL, program, environment);
            if (errno) fail("posix_spawn");
        }
        char bytes[LIVE];
        for (ssize_t got, all = 0; all < LIVE; all += got)
            if ((got = read(ready[0], bytes, LIVE - all)) <= 0) fail("read");
        live_ns += now_ns() - start;
        close(end[1]);
        for (int child = 0; child < LIVE; child++)
            if (waitpid(children[child], NULL, 0) != children[child]) fail("waitpid");
        close(ready[0]);
        close(ready[1]);
        close(end[0]);
        posix_spawn_file_actions_destroy(&actions);
    }
}

/* signal: to oneself, with a handler. */

static volatile sig_atomic_t handled;

static void handle(int signal) {
    (void)signal;
    handled++;
}

static void signal_start(const char *directory) {
    (void)directory;
    struct sigaction action = {.sa_handler = handle};
    if (sigaction(SIGUSR1, &action, NULL)) fail("sigaction");
}

static void signal_run(long count) {
    pid_t self = getpid();
    for (long i = 0; i < count; i++)
        if (kill(self, SIGUSR1)) fail("kill");
}

/* signal-thread: to another thread that makes no system calls, until its handler runs. */

static _Atomic pid_t spinner;

static void *spin(void *argument) {
    spinner = gettid();
    for (;;) *(volatile long *)argument += 1;
    return NULL;
}

static void signal_thread_start(const char *directory) {
    static long counter;
    signal_start(directory);
    pthread_t thread;
    errno = pthread_create(&thread, NULL, spin, &counter);
    if (errno) fail("pthread_create");
    while (!spinner) sched_yield();
}

static void signal_thread_run(long count) {
    pid_t self = getpid();
    for (long i = 0; i < count; i++) {
        sig_atomic_t before = handled;
        if (syscall(SYS_tgkill, self, spinner, SIGUSR1)) fail("tgkill");
        while (handled == before) continue;
    }
}

/* pipe: a byte to another thread and back. */

static int there[2], back[2];

static void *echo(void *argument) {
    char byte;
    while (read(there[0], &byte, 1) == 1)
        if (write(back[1], &byte, 1) != 1) fail("write");
    return argument;
}

static void start_thread(void *(*body)(void *)) {
    pthread_t thread;
    errno = pthread_create(&thread, NULL, body, NULL);
    if (errno) fail("pthread_create");
}

static void pipe_start(const char *directory) {
    (void)directory;
    if (pipe(there) || pipe(back)) fail("pipe");
    start_thread(echo);
}

static void pipe_pinned_start(const char *directory) {
    pin();
    pipe_start(directory);
}

static void pipe_run(long count) {
    char byte = 'x';
    for (long i = 0; i < count; i++)
        if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1) fail("pipe");
}

/* pipe-fork-pinned: a byte to a forked child and back, on one CPU. */

static void pipe_fork_pinned_start(const char *directory) {
    (void)directory;
    pin();
    if (pipe(there) || pipe(back)) fail("pipe");
    pid_t child = fork();
    if (child < 0) fail("fork");
    if (child == 0) {
        close(there[1]);
        echo(NULL);
        _exit(0);
    }
}

/* pipe-bytes: 64 KiB to another thread that reads them. */

static char block[65536];

static void *swallow(void *argument) {
    static char swallowed[65536];
    while (read(there[0], swallowed, sizeof swallowed) > 0) continue;
    return argument;
}

static void pipe_bytes_start(const char *directory) {
    (void)directory;
    if (pipe(there)) fail("pipe");
    start_thread(swallow);
}

static void pipe_bytes_run(long count) {
    for (long i = 0; i < count; i++)
        if (write(there[1], block, sizeof block) != sizeof block) fail("write");
}

/* unix: a byte to another process and back, through connected sockets. unix-bytes: 64 KiB to one that reads them. */

static int connection;

static void connect_to_child(void (*child)(void)) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) fail("socketpair");
    pid_t pid = fork();
    if (pid < 0) fail("fork");
    if (pid == 0) {
        close(ends[0]);
        connection = ends[1];
        child();
        _exit(0);
    }
    close(ends[1]);
    connection = ends[0];
}

static void echo_to_parent(void) {
    char byte;
    while (read(connection, &byte, 1) == 1)
        if (write(connection, &byte, 1) != 1) fail("write");
}

static void swallow_from_parent(void) {
    static char swallowed[65536];
    while (read(connection, swallowed, sizeof swallowed) > 0) continue;
}

static void unix_start(const char *directory) {
    (void)directory;
    connect_to_child(echo_to_parent);
}

static void unix_pinned_start(const char *directory) {
    pin();
    unix_start(directory);
}

static void unix_run(long count) {
    char byte = 'x';
    for (long i = 0; i < count; i++)
        if (write(connection, &byte, 1) != 1 || read(connection, &byte, 1) != 1) fail("unix");
}

static void unix_bytes_start(const char *directory) {
    (void)directory;
    connect_to_child(swallow_from_parent);
}

static void unix_bytes_run(long count) {
    for (long i = 0; i < count; i++)
        if (write(connection, block, sizeof block) != sizeof block) fail("write");
}

/* epoll: one of many is ready. */

static int epoll, event;

static void watch(int count) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit)) fail("getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit)) fail("setrlimit");
    epoll = epoll_create1(0);
    if (epoll < 0) fail("epoll_create1");
    for (int i = 0; i < count; i++) {
        struct epoll_event interest = {.events = EPOLLIN};
        event = eventfd(i + 1 == count, 0);
        if (event < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, event, &interest)) fail("epoll_ctl");
    }
}

static void epoll_1_start(const char *directory) {
    (void)directory;
    watch(1);
}

static void epoll_1000_start(const char *directory) {
    (void)directory;
    watch(1000);
}

static void epoll_10000_start(const char *directory) {
    (void)directory;
    watch(10000);
}

static void epoll_run(long count) {
    struct epoll_event found[16];
    for (long i = 0; i < count; i++)
        if (epoll_wait(epoll, found, 16, -1) != 1) fail("epoll_wait");
}

static struct sockaddr_in loopback(in_port_t port) {
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = port};
}

static void epoll_sockets_1000_start(const char *directory) {
    (void)directory;
    watch(0);
    for (int i = 0; i < 1000; i++) {
        struct sockaddr_in name = loopback(0);
        socklen_t len = sizeof name;
        struct epoll_event interest = {.events = EPOLLIN};
        event = socket(AF_INET, SOCK_DGRAM, 0);
        if (event < 0 || bind(event, (struct sockaddr *)&name, len)) fail("bind");
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, event, &interest)) fail("epoll_ctl");
        if (getsockname(event, (struct sockaddr *)&name, &len)) fail("getsockname");
        if (i == 500 && sendto(event, "x", 1, 0, (struct sockaddr *)&name, len) != 1) fail("sendto");
    }
}

/* tcp: a byte to a process outside and back; instead of the directory there's its port. */

static void without_delay(void) {
    int on = 1;
    if (setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on)) fail("setsockopt");
}

static void connect_to(struct sockaddr_in name) {
    connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connection < 0 || connect(connection, (struct sockaddr *)&name, sizeof name)) fail("connect");
    without_delay();
}

static void tcp_start(const char *port) {
    connect_to(loopback(htons(atoi(port))));
}

/* tcp-inside: the same to a child. */
static void tcp_inside_start(const char *directory) {
    struct sockaddr_in name = loopback(0);
    socklen_t len = sizeof name;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    (void)directory;
    if (listener < 0 || bind(listener, (struct sockaddr *)&name, len) || listen(listener, 1)) fail("listen");
    if (getsockname(listener, (struct sockaddr *)&name, &len)) fail("getsockname");
    pid_t pid = fork();
    if (pid < 0) fail("fork");
    if (pid == 0) {
        connection = accept(listener, NULL, NULL);
        if (connection < 0) fail("accept");
        without_delay();
        echo_to_parent();
        _exit(0);
    }
    close(listener);
    connect_to(name);
}

static void tcp_run(long count) {
    char byte = 'x';
    for (long i = 0; i < count; i++)
        if (write(connection, &byte, 1) != 1 || read(connection, &byte, 1) != 1) fail("echo");
}

/* poll: the last of a hundred is ready. */

static struct pollfd polled[100];

static void poll_start(const char *directory) {
    (void)directory;
    for (int i = 0; i < 100; i++) {
        polled[i].fd = eventfd(i == 99, 0);
        polled[i].events = POLLIN;
        if (polled[i].fd < 0) fail("eventfd");
    }
}

static void poll_run(long count) {
    for (long i = 0; i < count; i++)
        if (poll(polled, 100, -1) != 1) fail("poll");
}

/* eventfd: a write and a read. */

static void eventfd_start(const char *directory) {
    (void)directory;
    event = eventfd(0, 0);
    if (event < 0) fail("eventfd");
}

static void eventfd_run(long count) {
    uint64_t value = 1;
    for (long i = 0; i < count; i++)
        if (write(event, &value, 8) != 8 || read(event, &value, 8) != 8) fail("eventfd");
}

/* `batch` operations take far longer than reading the clock. */
static const struct operation {
    const char *name;
    void (*start)(const char *directory);
    void (*run)(long count);
    long batch;
} operations[] = {
    {"getpid", start_nothing, getpid_run, 2000},
    {"clock_gettime", start_nothing, clock_run, 5000},
    {"pread", pread_start, pread_run, 500},
    {"open", open_start, open_run, 200},
    {"mmap", start_nothing, mmap_run, 50},
    {"thread", start_nothing, thread_run, 20},
    {"futex", futex_start, futex_run, 50},
    {"futex-pinned", futex_pinned_start, futex_run, 50},
    {"spawn-static", spawn_static_start, spawn_run, 10},
    {"spawn-dynamic", spawn_dynamic_start, spawn_run, 10},
    {"spawn-static-bare", spawn_bare_start, spawn_run, 10},
    {"spawn-dynamic-musl", spawn_musl_start, spawn_run, 10},
    {"fork", start_nothing, fork_run, 10},
    {"fork-touched", fork_touched_start, fork_run, 10},
    {"fork-exec", spawn_bare_start, fork_run, 10},
    {"live", spawn_static_start, live_run, 1},
    {"signal", signal_start, signal_run, 500},
    {"signal-thread", signal_thread_start, signal_thread_run, 100},
    {"pipe", pipe_start, pipe_run, 50},
    {"pipe-pinned", pipe_pinned_start, pipe_run, 50},
    {"pipe-fork-pinned", pipe_fork_pinned_start, pipe_run, 50},
    {"pipe-bytes", pipe_bytes_start, pipe_bytes_run, 50},
    {"unix", unix_start, unix_run, 50},
    {"unix-pinned", unix_pinned_start, unix_run, 50},
    {"unix-bytes", unix_bytes_start, unix_bytes_run, 50},
    {"epoll-1", epoll_1_start, epoll_run, 500},
    {"epoll-1000", epoll_1000_start, epoll_run, 500},
    {"epoll-10000", epoll_10000_start, epoll_run, 500},
    {"epoll-sockets-1000", epoll_sockets_1000_start, epoll_run, 500},
    {"tcp", tcp_start, tcp_run, 100},
    {"tcp-inside", tcp_inside_start, tcp_run, 50},
    {"poll-100", poll_start, poll_run, 100},
    {"eventfd", eventfd_start, eventfd_run, 500},
};

static double now_ns(void) {
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now)) fail("clock_gettime");
    return now.tv_sec * 1e9 + now.tv_nsec;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: micro OPERATION DIRECTORY MILLISECONDS\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        const struct operation *operation = &operations[i];
        if (strcmp(operation->name, argv[1])) continue;
        operation->start(argv[2]);
        operation->run(operation->batch); /* warms caches; a trapped site is patched */
        live_ns = 0;
        long count = 0;
        double start = now_ns(), elapsed, wanted = atof(argv[3]) * 1e6;
        do {
            operation->run(operation->batch);
            count += operation->batch;
            elapsed = now_ns() - start;
        } while (elapsed < wanted);
        /* The end of the processes isn't measured. */
        printf("%.2f\n", (live_ns > 0 ? live_ns : elapsed) / count);
        return 0;
    }
    fprintf(stderr, "micro: no operation is named %s\n", argv[1]);
    return 2;
}
