/* Operations that measure themselves: `micro OPERATION DIRECTORY MILLISECONDS` prints nanoseconds per operation. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
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

static void futex_pinned_start(const char *directory) {
    cpu_set_t allowed, one;
    if (sched_getaffinity(0, sizeof allowed, &allowed)) fail("sched_getaffinity");
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed)) {
            CPU_SET(cpu, &one);
            break;
        }
    if (sched_setaffinity(0, sizeof one, &one)) fail("sched_setaffinity");
    futex_start(directory); /* the new thread inherits the set */
}

static void futex_run(long count) {
    for (long i = 0; i < count; i++) {
        pass_to(1);
        wait_for(0);
    }
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
        long count = 0;
        double start = now_ns(), elapsed, wanted = atof(argv[3]) * 1e6;
        do {
            operation->run(operation->batch);
            count += operation->batch;
            elapsed = now_ns() - start;
        } while (elapsed < wanted);
        printf("%.2f\n", elapsed / count);
        return 0;
    }
    fprintf(stderr, "micro: no operation is named %s\n", argv[1]);
    return 2;
}
