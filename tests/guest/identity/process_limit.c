// RLIMIT_NPROC counts the threads of the real user, whosever process they are in; root is exempt.
#include <pthread.h>
#include <sys/resource.h>
#include "ids.h"

static pthread_barrier_t done;

/* A user id that nobody else has. */
#define USER 54321

static void *stay(void *argument)
{
    if (argument)
        CHECK(syscall(SYS_setresuid, USER, USER, USER) == 0);
    pthread_barrier_wait(&done);
    pthread_barrier_wait(&done);
    return 0;
}

static void *as_user(void *argument)
{
    CHECK(syscall(SYS_setresuid, USER, USER, USER) == 0);
    pthread_t thread;
    // pthread_create is told by clone.
    int error = pthread_create(&thread, 0, argument, 0);
    if (error == 0)
        pthread_join(thread, 0);
    return (void *)(long)error;
}

static void *nothing(void *argument)
{
    return argument;
}

/* A thread that was joined may count for a moment still. */
static void expect(int error)
{
    void *result = 0;
    for (int i = 0; i < 2000; i++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, 0, as_user, nothing) == 0 && pthread_join(thread, &result) == 0);
        if ((long)result == error)
            break;
        usleep(1000);
    }
    printf("user: %s\n", error_name((long)result));
}

int main(void)
{
    equalize();
    // Administrators are exempt, too.
    struct capabilities sets = get_capabilities();
    pthread_t others[3];
    pthread_barrier_init(&done, 0, 4);
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&others[i], 0, stay, i == 0 ? 0 : (void *)1) == 0);
    pthread_barrier_wait(&done);
    CHECK(sets.effective & BIT(CAP_SYS_ADMIN));
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NPROC, &limit) == 0);
    // Two threads are the user's, and the one that tries.
    limit.rlim_cur = 3;
    SHOW(setrlimit(RLIMIT_NPROC, &limit));
    expect(EAGAIN);
    limit.rlim_cur = 4;
    SHOW(setrlimit(RLIMIT_NPROC, &limit));
    expect(0);
    pthread_barrier_wait(&done);
    for (int i = 0; i < 3; i++)
        CHECK(pthread_join(others[i], 0) == 0);
    limit.rlim_cur = 1;
    SHOW(setrlimit(RLIMIT_NPROC, &limit));
    expect(EAGAIN);
    pthread_t thread;
    SHOW(pthread_create(&thread, 0, nothing, 0) == 0 ? 0 : -1);
    CHECK(pthread_join(thread, 0) == 0);
    return 0;
}
