// Threads share memory and descriptors; thread-local variables, errno, keys and masks are each thread's own.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include "check.h"

static __thread long own = 7;
static __thread char large[100000];
static pthread_key_t key;
static int destroyed;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int times;

static void count_once(void)
{
    times++;
}

static void destroy(void *value)
{
    __atomic_add_fetch(&destroyed, (int)(long)value, __ATOMIC_SEQ_CST);
}

static void *run(void *argument)
{
    long number = (long)argument;
    CHECK(own == 7 && large[99999] == 0);
    own = number;
    memset(large, number, sizeof large);
    errno = number;
    CHECK(pthread_setspecific(key, (void *)number) == 0);
    CHECK(pthread_once(&once, count_once) == 0);
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + number % 20);
    CHECK(pthread_sigmask(SIG_SETMASK, &set, &old) == 0);
    for (int i = 0; i < 100; i++) {
        sched_yield();
        CHECK(errno == number && own == number && large[5] == (char)number);
    }
    CHECK(pthread_sigmask(SIG_SETMASK, &old, &set) == 0);
    CHECK(sigismember(&set, SIGRTMIN + number % 20) == 1);
    return (void *)(number * 2);
}

static void *open_file(void *argument)
{
    (void)argument;
    return (void *)(long)open("shared", O_RDWR | O_CREAT, 0600);
}

int main(void)
{
    CHECK(pthread_key_create(&key, destroy) == 0);
    pthread_t threads[50];
    for (long i = 1; i <= 50; i++)
        CHECK(pthread_create(&threads[i - 1], 0, run, (void *)i) == 0);
    long sum = 0;
    for (int i = 0; i < 50; i++) {
        void *result;
        CHECK(pthread_join(threads[i], &result) == 0);
        sum += (long)result;
    }
    printf("sum %ld, destroyed %d, once %d, own %ld\n", sum, destroyed, times, own);

    void *file;
    CHECK(pthread_create(&threads[0], 0, open_file, 0) == 0 && pthread_join(threads[0], &file) == 0);
    printf("written to the other thread's file: %zd\n", write((long)file, "text", 4));
    return 0;
}
