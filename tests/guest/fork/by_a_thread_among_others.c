// build: -pthread
// A thread forks again and again while others allocate, map and end; each child has that thread alone, and can do the same.
#define _GNU_SOURCE
#include "../check.h"
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { FORKS = 400 };

static atomic_int is_over;

static void *allocate(void *unused)
{
    while (!is_over) {
        void *pieces[64];
        for (int i = 0; i < 64; i++)
            pieces[i] = malloc(100 << (i % 12));
        for (int i = 0; i < 64; i++)
            free(pieces[i]);
    }
    return unused;
}

static void *map(void *unused)
{
    while (!is_over) {
        char *place = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(place != MAP_FAILED);
        place[1 << 19] = 1;
        CHECK(munmap(place, 1 << 20) == 0);
    }
    return unused;
}

static void *end(void *unused)
{
    return unused;
}

static void *start(void *unused)
{
    while (!is_over) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, end, NULL) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
    }
    return unused;
}

static int threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    CHECK(tasks);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(tasks));)
        count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

static void *fork_often(void *unused)
{
    for (int i = 0; i < FORKS; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            pthread_t thread;
            CHECK(threads() == 1 && gettid() == getpid());
            if (i % 8 == 0) {
                CHECK(pthread_create(&thread, NULL, end, NULL) == 0);
                CHECK(pthread_join(thread, NULL) == 0);
            }
            free(malloc(1 << (i % 20)));
            _exit(i % 100);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == i % 100);
    }
    return unused;
}

int main(void)
{
    void *(*bodies[])(void *) = {allocate, map, start};
    pthread_t others[3], forker;
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&others[i], NULL, bodies[i], NULL) == 0);
    CHECK(pthread_create(&forker, NULL, fork_often, NULL) == 0);
    CHECK(pthread_join(forker, NULL) == 0);
    is_over = 1;
    for (int i = 0; i < 3; i++)
        CHECK(pthread_join(others[i], NULL) == 0);
    printf("%d children\n", FORKS);
}
