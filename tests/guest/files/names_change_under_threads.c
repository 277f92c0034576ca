// Threads that make, rename and remove the same names: each success is one thread's alone, and nothing gets lost.
// build: -pthread
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include "check.h"

enum { THREADS = 4, ROUNDS = 2000 };

static atomic_int made, removed, renamed;
static pthread_barrier_t start;

static void *contend(void *argument)
{
    (void)argument;
    pthread_barrier_wait(&start);
    for (int i = 0; i < ROUNDS; i++) {
        char name[32];
        snprintf(name, sizeof name, "d/name%d", i);
        int file = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
        if (file >= 0) {
            made++;
            CHECK(close(file) == 0);
        } else
            CHECK(errno == EEXIST || errno == ENOENT);
    }
    pthread_barrier_wait(&start);
    for (int i = 0; i < ROUNDS; i++) {
        char name[32], other[32];
        snprintf(name, sizeof name, "d/name%d", i);
        snprintf(other, sizeof other, "e/name%d", i);
        if (i % 2 ? unlink(name) == 0 : rename(name, other) == 0) {
            if (i % 2)
                removed++;
            else
                renamed++;
        } else
            CHECK(errno == ENOENT);
        struct stat status;
        CHECK(stat(name, &status) == -1 && errno == ENOENT);
    }
    pthread_barrier_wait(&start);
    /* Directories that are moved into each other: one of the renames must fail. */
    for (int i = 0; i < ROUNDS; i++) {
        if (rename("a", "b/a") == 0)
            CHECK(rename("b/a", "a") == 0 || errno == ENOENT);
        if (rename("b", "a/b") == 0)
            CHECK(rename("a/b", "b") == 0 || errno == ENOENT);
    }
    return 0;
}

int main(void)
{
    CHECK(mkdir("d", 0700) == 0 && mkdir("e", 0700) == 0 && mkdir("a", 0700) == 0 && mkdir("b", 0700) == 0);
    pthread_t threads[THREADS];
    CHECK(pthread_barrier_init(&start, 0, THREADS) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], 0, contend, 0) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], 0) == 0);
    printf("made %d, removed %d, renamed %d\n", made, removed, renamed);
    struct stat status;
    CHECK(stat("a", &status) == 0 || stat("b/a", &status) == 0);
    CHECK(stat("b", &status) == 0 || stat("a/b", &status) == 0);
    SHOW(rmdir("d"));
    SHOW(rmdir("e"));
    return 0;
}
