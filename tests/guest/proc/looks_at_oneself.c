// /proc/self and /proc/thread-self are whoever looks, in children and threads; names can be set by oneself alone.
#include <pthread.h>
#include "proc.h"

static void look(const char *who)
{
    char own[32], text[64] = "", thread[64] = "", expected[64];
    snprintf(own, sizeof own, "%d", getpid());
    snprintf(expected, sizeof expected, "%d/task/%d", getpid(), gettid());
    CHECK(readlink("/proc/self", text, sizeof text - 1) > 0 && readlink("/proc/thread-self", thread, sizeof thread - 1) > 0);
    int fd = open("/proc/self/stat", O_RDONLY);
    char stat[64] = "";
    CHECK(fd >= 0 && read(fd, stat, sizeof stat - 1) > 0);
    close(fd);
    printf("%s: self %d, thread-self %d, stat %d\n", who, strcmp(text, own) == 0, strcmp(thread, expected) == 0,
           atoi(stat) == getpid());
    fflush(stdout);
}

static void *in_thread(void *argument)
{
    (void)argument;
    look("thread");
    CHECK(prctl(PR_SET_NAME, "other") == 0);
    char path[64], text[64] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/comm", gettid());
    int fd = open(path, O_RDWR);
    CHECK(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
    printf("its name %s", text);
    CHECK(write(fd, "a name of its own\n", 18) == 18);
    CHECK(prctl(PR_GET_NAME, text) == 0);
    printf("its name %s\n", text);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        look(argv[1]);
        return 0;
    }
    look("first");
    pid_t child = fork();
    if (child == 0) {
        look("forked child");
        pid_t grandchild = vfork();
        if (grandchild == 0) {
            execl("/proc/self/exe", "self", "grandchild", (char *)0);
            _exit(1);
        }
        end_of(grandchild);
        return 0;
    }
    end_of(child);
    char *args[] = { "self", "spawned child", 0 };
    CHECK(posix_spawn(&child, "/proc/self/exe", 0, 0, args, environ) == 0);
    end_of(child);
    pthread_t thread;
    CHECK(pthread_create(&thread, 0, in_thread, 0) == 0 && pthread_join(thread, 0) == 0);
    look("first again");

    /* A child's name is its own. */
    child = fork();
    if (child == 0)
        for (;;)
            pause();
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/comm", child);
    int fd = open(path, O_WRONLY);
    CHECK(fd >= 0);
    SHOW(write(fd, "mine", 4));
    /* Those of a thread that made children. */
    snprintf(path, sizeof path, "task/%d/children", getpid());
    printf("children: %d\n", atoi(proc_read(getpid(), path)) == child);
    /* A file is made anew when it is read from the start again. */
    snprintf(path, sizeof path, "/proc/%d/stat", child);
    int stat = open(path, O_RDONLY);
    char text[512] = "";
    CHECK(pread(stat, text, sizeof text - 1, 0) > 0);
    CHECK(kill(child, SIGKILL) == 0);
    await_state(child, 'Z');
    CHECK(pread(stat, text, sizeof text - 1, 0) > 0);
    printf("it has ended: %c\n", *(strrchr(text, ')') + 2));
    end_of(child);
    return 0;
}
