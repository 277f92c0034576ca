// build: -pthread
// Mutexes, condition variables and semaphores in shared memory work between parent and forked child; a robust one
// passes on when its holder dies, and priority inheritance works as well.
#define _GNU_SOURCE
#include "../check.h"
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { ROUNDS = 2000 };

static struct shared {
    pthread_mutex_t plain, robust, inheriting;
    pthread_cond_t changed;
    sem_t there, back;
    long counted_plain, counted_inheriting, turn;
} *shared;

static void make_mutex(pthread_mutex_t *mutex, int is_robust, int protocol)
{
    pthread_mutexattr_t attributes;
    CHECK(pthread_mutexattr_init(&attributes) == 0);
    CHECK(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0);
    CHECK(pthread_mutexattr_setrobust(&attributes, is_robust ? PTHREAD_MUTEX_ROBUST : PTHREAD_MUTEX_STALLED) == 0);
    CHECK(pthread_mutexattr_setprotocol(&attributes, protocol) == 0);
    CHECK(pthread_mutex_init(mutex, &attributes) == 0);
}

static void count(pthread_mutex_t *mutex, long *counter)
{
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(pthread_mutex_lock(mutex) == 0);
        ++*counter;
        CHECK(pthread_mutex_unlock(mutex) == 0);
    }
}

static void take_turns(int own)
{
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(pthread_mutex_lock(&shared->plain) == 0);
        while (shared->turn != own)
            CHECK(pthread_cond_wait(&shared->changed, &shared->plain) == 0);
        shared->turn = !own;
        CHECK(pthread_cond_signal(&shared->changed) == 0);
        CHECK(pthread_mutex_unlock(&shared->plain) == 0);
    }
}

int main(void)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    make_mutex(&shared->plain, 0, PTHREAD_PRIO_NONE);
    make_mutex(&shared->robust, 1, PTHREAD_PRIO_NONE);
    make_mutex(&shared->inheriting, 0, PTHREAD_PRIO_INHERIT);
    pthread_condattr_t attributes;
    CHECK(pthread_condattr_init(&attributes) == 0);
    CHECK(pthread_condattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0);
    CHECK(pthread_cond_init(&shared->changed, &attributes) == 0);
    CHECK(sem_init(&shared->there, 1, 0) == 0 && sem_init(&shared->back, 1, 0) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    count(&shared->plain, &shared->counted_plain);
    count(&shared->inheriting, &shared->counted_inheriting);
    take_turns(child == 0);
    if (child == 0) {
        for (int i = 0; i < ROUNDS; i++)
            CHECK(sem_wait(&shared->there) == 0 && sem_post(&shared->back) == 0);
        CHECK(pthread_mutex_lock(&shared->robust) == 0);
        CHECK(sem_post(&shared->back) == 0);
        pause();
    }
    for (int i = 0; i < ROUNDS; i++)
        CHECK(sem_post(&shared->there) == 0 && sem_wait(&shared->back) == 0);
    CHECK(sem_wait(&shared->back) == 0);
    printf("counted %ld and %ld\n", shared->counted_plain, shared->counted_inheriting);
    CHECK(kill(child, SIGKILL) == 0);
    int result = pthread_mutex_lock(&shared->robust);
    printf("the dead one's mutex: %s\n", error_name(result));
    CHECK(pthread_mutex_consistent(&shared->robust) == 0 && pthread_mutex_unlock(&shared->robust) == 0);
    int status;
    CHECK(waitpid(child, &status, 0) == child && WTERMSIG(status) == SIGKILL);
}
