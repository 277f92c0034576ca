// 1,000 processes killed at random moments, whatever they do: each is waited for with the right status, as are the
// children that they leave behind; nothing hangs, and the LibOS is consistent afterwards.
// timeout: 120
#include <pthread.h>
#include <sys/prctl.h>
#include "../enclos.h"
#include "process.h"

enum { TOTAL = 1000, LIVE = 8, KINDS = 20 };

static unsigned seed = 12345;

static unsigned random_number(unsigned bound)
{
    seed = seed * 1103515245 + 12345;
    return (seed >> 16) % bound;
}

static void *spin(void *argument)
{
    for (;;)
        *(volatile int *)argument += 1;
    return 0;
}

static void *come_and_go(void *argument)
{
    return argument;
}

/* What it does until it's killed; some end by themselves with 7. */
static int work(char **args)
{
    int pipes[2];
    char block[4096] = { 0 };
    pthread_t thread;
    static int word;
    switch (atoi(args[0])) {
    case 0:
        spin(&word);
        break;
    case 1:
        for (;;)
            pause_ms(1000);
    case 2:
        CHECK(pipe(pipes) == 0);
        for (;;)
            CHECK(write(pipes[1], block, sizeof block) == sizeof block && read(pipes[0], block, sizeof block) > 0);
    case 3:
        CHECK(pipe(pipes) == 0);
        read(pipes[0], block, 1);
        break;
    case 4:
        for (;;) {
            void *memory = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (memory == MAP_FAILED)
                return 1;
            memset(memory, 1, 1 << 20);
            munmap(memory, 1 << 20);
        }
    case 5:
        for (int i = 0; i < 2; i++)
            pthread_create(&thread, 0, spin, &word);
        spin(&word);
        break;
    case 6: /* its children are orphans then, and end by themselves */
        for (;;) {
            pid_t pid = SPAWN_WITH(0, 0, "quit");
            if (pid > 0)
                end_of(pid);
        }
    case 7: {
        pid_t pid = vfork();
        if (pid == 0) {
            pause_ms(3);
            _exit(0);
        }
        break;
    }
    case 8:
        for (;;) {
            int fd = open("file", O_RDWR | O_CREAT, 0600);
            if (fd < 0 || write(fd, block, sizeof block) < 0)
                return 1;
            close(fd);
        }
    case 9:
        for (;;)
            raise(SIGURG);
    case 10:
        for (;;) {
            pid_t pid = fork();
            if (pid == 0) {
                pause_ms(1);
                _exit(0);
            }
            if (pid > 0)
                end_of(pid);
        }
    case 11: /* a fork with threads, in which a thread forks */
        if (fork() == 0) {
            pthread_create(&thread, 0, come_and_go, 0);
            if (fork() == 0)
                _exit(1);
            pause_ms(5);
            _exit(2);
        }
        break;
    case 12:
        for (;;)
            if (pthread_create(&thread, 0, come_and_go, 0) == 0)
                pthread_join(thread, 0);
    case 13: /* execve with other threads */
        pthread_create(&thread, 0, spin, &word);
        execl("/proc/self/exe", "self", "work", "13", (char *)0);
        return 1;
    default: /* most of them, so that the others leave some time to the test */
        pause_ms(10000);
    }
    return 7;
}

static int quit(char **args)
{
    (void)args;
    return 0;
}

static int test(void)
{
    pid_t live[LIVE];
    int killed = 0, ended = 0, wrong = 0, status;
    CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    for (int i = 0; i < LIVE; i++)
        live[i] = SPAWN("work", text_of(random_number(KINDS)));
    for (int done = 0; done < TOTAL; done++) {
        int index = random_number(LIVE);
        for (unsigned spins = random_number(20000); spins; spins--)
            __asm__ volatile("");
        if (random_number(4) == 0)
            pause_ms(random_number(3));
        CHECK(kill(live[index], random_number(4) ? SIGKILL : SIGTERM) == 0);
        status = end_of(live[index]);
        if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGTERM))
            killed++;
        else if (WIFEXITED(status) && WEXITSTATUS(status) == 7)
            ended++;
        else
            wrong++;
        live[index] = SPAWN("work", text_of(random_number(KINDS)));
    }
    for (int i = 0; i < LIVE; i++) {
        kill(live[i], SIGKILL);
        end_of(live[i]);
    }
    printf("told of all: %d, wrong: %d\n", killed + ended == TOTAL, wrong);
    /* Children of children: killed by nobody. */
    while (waitpid(-1, &status, 0) > 0)
        wrong += !WIFEXITED(status);
    printf("of others: wrong %d, none left %d\n", wrong, errno == ECHILD);
    printf("consistent %d\n", enclos_is_consistent());
    show_end("one more", SPAWN("quit"));
    return 0;
}

PROGRAM(test, { "work", work }, { "quit", quit })
