// The main thread ends by pthread_exit; the program goes on until its last thread ends, with that one's output.
#include <pthread.h>
#include <time.h>
#include "check.h"

static pthread_t main_thread;

static void *run(void *argument)
{
    (void)argument;
    void *result;
    CHECK(pthread_join(main_thread, &result) == 0);
    printf("main ended with %ld\n", (long)result);
    printf("process still there: %d\n", getpid() != gettid());
    struct timespec time = { 0, 20000000 };
    nanosleep(&time, 0);
    puts("last thread ends");
    fflush(stdout);
    return 0;
}

int main(void)
{
    main_thread = pthread_self();
    pthread_t thread;
    CHECK(pthread_create(&thread, 0, run, 0) == 0);
    pthread_exit((void *)41);
}
