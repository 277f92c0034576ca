// What processes share: mappings of a memfd, a futex in one, pipes with their ends, offsets of inherited descriptors, locks.
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/file.h>
#include "process.h"

struct shared {
    atomic_int turn, counter;
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    pthread_barrier_t barrier;
    int plain, waiting;
};

static struct shared *map(int fd)
{
    struct shared *shared = mmap(0, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(shared != MAP_FAILED);
    return shared;
}

static void wait_turn(atomic_int *turn, int value)
{
    int now;
    while ((now = *turn) != value)
        syscall(SYS_futex, turn, FUTEX_WAIT, now, 0, 0, 0);
}

static void pass_turn(atomic_int *turn, int value)
{
    *turn = value;
    syscall(SYS_futex, turn, FUTEX_WAKE, 1, 0, 0, 0);
}

static int ping_pong(char **args)
{
    struct shared *shared = map(atoi(args[0]));
    for (int i = 0; i < 1000; i++) {
        wait_turn(&shared->turn, 1);
        shared->counter++;
        pass_turn(&shared->turn, 0);
    }
    return 0;
}

static int add(char **args)
{
    struct shared *shared = map(atoi(args[0]));
    pthread_barrier_wait(&shared->barrier);
    for (int i = 0; i < 10000; i++) {
        pthread_mutex_lock(&shared->mutex);
        shared->plain++;
        pthread_mutex_unlock(&shared->mutex);
    }
    pthread_mutex_lock(&shared->mutex);
    shared->waiting++;
    while (shared->waiting < 4)
        pthread_cond_wait(&shared->condition, &shared->mutex);
    pthread_cond_broadcast(&shared->condition);
    pthread_mutex_unlock(&shared->mutex);
    return 0;
}

/* Ends with a robust lock held. */
static int hold(char **args)
{
    struct shared *shared = map(atoi(args[0]));
    CHECK(pthread_mutex_lock(&shared->mutex) == 0);
    tell(atoi(args[1]));
    await(atoi(args[2]));
    return 0;
}

static int copy(char **args)
{
    char block[5000];
    ssize_t length;
    int from = atoi(args[0]), to = atoi(args[1]);
    /* The ends that belong to others. */
    for (char **other = args + 2; *other; other++)
        close(atoi(*other));
    while ((length = read(from, block, sizeof block)) > 0)
        for (ssize_t done = 0, count; done < length; done += count)
            CHECK((count = write(to, block + done, length - done)) > 0);
    return length == 0 ? 0 : 1;
}

static int move(char **args)
{
    int fd = atoi(args[0]);
    CHECK(lseek(fd, 0, SEEK_CUR) == 5 && write(fd, "child", 5) == 5);
    CHECK(fcntl(fd, F_SETFL, O_APPEND) == 0);
    return 0;
}

static int lock(char **args)
{
    int fd = open("file", O_RDWR);
    struct flock whole = { .l_type = F_WRLCK };
    printf("record lock: %s\n", fcntl(fd, F_SETLK, &whole) == 0 ? "OK" : error_name(errno));
    CHECK(fcntl(fd, F_GETLK, &whole) == 0);
    printf("held by the parent: %d\n", whole.l_pid == getppid());
    printf("flock of its own: %s\n", flock(fd, LOCK_EX | LOCK_NB) == 0 ? "OK" : error_name(errno));
    printf("flock inherited: %s\n", flock(atoi(args[0]), LOCK_EX | LOCK_NB) == 0 ? "OK" : error_name(errno));
    return 0;
}

static int writer(char **args)
{
    char block[4096] = { 0 };
    for (;;)
        if (write(atoi(args[0]), block, sizeof block) == -1)
            return errno == EPIPE ? 5 : 6;
}

static int test(void)
{
    int memory = memfd_create("shared", 0);
    CHECK(memory >= 0 && ftruncate(memory, 8192) == 0);
    struct shared *shared = map(memory);
    pid_t pid = SPAWN("ping-pong", text_of(memory));
    for (int i = 0; i < 1000; i++) {
        CHECK(shared->counter == i);
        pass_turn(&shared->turn, 1);
        wait_turn(&shared->turn, 0);
    }
    show_end("futex", pid);
    printf("counted: %d\n", shared->counter);

    pthread_mutexattr_t mutex_attributes;
    pthread_mutexattr_init(&mutex_attributes);
    pthread_mutexattr_setpshared(&mutex_attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&shared->mutex, &mutex_attributes);
    pthread_condattr_t condition_attributes;
    pthread_condattr_init(&condition_attributes);
    pthread_condattr_setpshared(&condition_attributes, PTHREAD_PROCESS_SHARED);
    pthread_cond_init(&shared->condition, &condition_attributes);
    pthread_barrierattr_t barrier_attributes;
    pthread_barrierattr_init(&barrier_attributes);
    pthread_barrierattr_setpshared(&barrier_attributes, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&shared->barrier, &barrier_attributes, 4);
    pid_t adders[4];
    for (int i = 0; i < 4; i++)
        adders[i] = SPAWN("add", text_of(memory));
    for (int i = 0; i < 4; i++)
        show_end("adder", adders[i]);
    printf("added: %d\n", shared->plain);

    int ready[2], gate[2];
    CHECK(pipe(ready) == 0 && pipe(gate) == 0);
    pthread_mutexattr_setrobust(&mutex_attributes, PTHREAD_MUTEX_ROBUST);
    for (int i = 0; i < 2; i++) {
        pthread_mutex_init(&shared->mutex, &mutex_attributes);
        pid = SPAWN("hold", text_of(memory), text_of(ready[1]), text_of(gate[0]));
        await(ready[0]);
        printf("held: %s\n", error_name(pthread_mutex_trylock(&shared->mutex)));
        if (i == 0)
            tell(gate[1]);
        else
            CHECK(kill(pid, SIGKILL) == 0);
        printf("owner ended: %s\n", error_name(pthread_mutex_lock(&shared->mutex)));
        show_end("owner", pid);
        pthread_mutex_consistent(&shared->mutex);
        pthread_mutex_unlock(&shared->mutex);
    }

    /* this | copy | copy | this */
    int first[2], second[2], third[2];
    CHECK(pipe2(first, 0) == 0 && pipe2(second, 0) == 0 && pipe2(third, 0) == 0);
    pid_t copiers[2] = {
        SPAWN("copy", text_of(first[0]), text_of(second[1]), text_of(first[1]), text_of(second[0]), text_of(third[0]),
              text_of(third[1])),
        SPAWN("copy", text_of(second[0]), text_of(third[1]), text_of(first[0]), text_of(first[1]), text_of(second[1]),
              text_of(third[0])),
    };
    close(first[0]), close(second[0]), close(second[1]), close(third[1]);
    enum { TOTAL = 1 << 20, BLOCK = 1 << 14 };
    static unsigned char block[BLOCK], back[BLOCK];
    int sent = 0, received = 0, wrong = 0;
    fcntl(first[1], F_SETFL, O_NONBLOCK);
    while (received < TOTAL) {
        if (sent < TOTAL) {
            for (int i = 0; i < BLOCK; i++)
                block[i] = (sent + i) * 7 % 251;
            ssize_t length = write(first[1], block, BLOCK < TOTAL - sent ? BLOCK : TOTAL - sent);
            if (length > 0)
                sent += length;
            if (sent == TOTAL)
                close(first[1]);
            if (length > 0)
                continue;
        }
        ssize_t length = read(third[0], back, BLOCK);
        CHECK(length > 0);
        for (int i = 0; i < length; i++)
            wrong += back[i] != (received + i) * 7 % 251;
        received += length;
    }
    printf("through pipes: %d bytes, %d wrong, end %d\n", received, wrong, at_end(third[0]));
    show_end("copier", copiers[0]);
    show_end("copier", copiers[1]);

    /* The last reader's end gives its writer SIGPIPE, or EPIPE. */
    int broken[2];
    CHECK(pipe2(broken, 0) == 0 && fcntl(broken[0], F_SETFD, FD_CLOEXEC) == 0);
    pid = SPAWN("writer", text_of(broken[1]));
    close(broken[0]);
    show_end("SIGPIPE", pid);
    set_handler(SIGPIPE, SIG_IGN, 0);
    show_end("EPIPE", SPAWN("writer", text_of(broken[1])));
    set_handler(SIGPIPE, SIG_DFL, 0);

    int file = open("file", O_RDWR | O_CREAT, 0600);
    CHECK(file >= 0 && write(file, "first", 5) == 5);
    show_end("move", SPAWN("move", text_of(file)));
    printf("offset %ld, appending %d\n", (long)lseek(file, 0, SEEK_CUR), (fcntl(file, F_GETFL) & O_APPEND) != 0);

    struct flock whole = { .l_type = F_WRLCK };
    CHECK(fcntl(file, F_SETLK, &whole) == 0 && flock(file, LOCK_EX) == 0);
    show_end("lock", SPAWN("lock", text_of(file)));
    return 0;
}

PROGRAM(test, { "ping-pong", ping_pong }, { "add", add }, { "hold", hold }, { "copy", copy }, { "move", move }, { "lock", lock },
        { "writer", writer })
