// The other means of the thread library: timed locks, reader-writer locks, spin locks, semaphores, barriers, shared ones.
#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <time.h>
#include "check.h"

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spin;
static pthread_barrier_t barrier;
static sem_t *semaphore;
static long a, b, spun, serial;

static void *run(void *argument)
{
    long number = (long)argument;
    for (int i = 0; i < 1000; i++) {
        if ((number + i) % 4 == 0) {
            pthread_rwlock_wrlock(&rwlock);
            a++;
            b++;
        } else {
            pthread_rwlock_rdlock(&rwlock);
            CHECK(a == b);
        }
        pthread_rwlock_unlock(&rwlock);
        if (i % 10 == 0) {
            pthread_spin_lock(&spin);
            spun++;
            pthread_spin_unlock(&spin);
        }
    }
    for (int i = 0; i < 100; i++)
        if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
            serial++;
    sem_post(semaphore);
    return 0;
}

int main(void)
{
    pthread_spin_init(&spin, 0);
    CHECK(pthread_barrier_init(&barrier, 0, 8) == 0);
    semaphore = mmap(0, sizeof *semaphore, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(semaphore != MAP_FAILED && sem_init(semaphore, 1, 0) == 0);
    pthread_t threads[8];
    for (long i = 0; i < 8; i++)
        CHECK(pthread_create(&threads[i], 0, run, (void *)i) == 0);
    for (int i = 0; i < 8; i++)
        CHECK(sem_wait(semaphore) == 0);
    for (int i = 0; i < 8; i++)
        CHECK(pthread_join(threads[i], 0) == 0);
    printf("writes %ld, spun %ld, serial %ld\n", a, spun, serial);

    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    time.tv_nsec += time.tv_nsec < 990000000 ? 10000000 : 0;
    SHOW(sem_timedwait(semaphore, &time));
    SHOW(sem_trywait(semaphore));
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    CHECK(pthread_mutex_lock(&mutex) == 0);
    printf("timed lock: %s\n", error_name(pthread_mutex_timedlock(&mutex, &time)));
    clock_gettime(CLOCK_MONOTONIC, &time);
    printf("clock lock: %s\n", error_name(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &time)));
    printf("try lock: %s\n", error_name(pthread_mutex_trylock(&mutex)));
    return 0;
}
