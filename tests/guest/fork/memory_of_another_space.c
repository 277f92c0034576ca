// The memory of a forked process is read and written by its parent, and its parent's by it: by process_vm_readv,
// process_vm_writev and /proc/PID/mem.
#define _GNU_SOURCE
#include "../check.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>

enum { LARGE = 1 << 20 };

static char text[100] = "the parent's";
static char *large;
static int up[2], down[2];

static ssize_t transfer(ssize_t (*call)(pid_t, const struct iovec *, unsigned long, const struct iovec *, unsigned long,
                                        unsigned long),
                        pid_t process, void *here, void *there, size_t size)
{
    struct iovec local = {here, size}, remote = {there, size};
    return call(process, &local, 1, &remote, 1, 0);
}

static void tell(int pipe[2])
{
    CHECK(write(pipe[1], "x", 1) == 1);
}

static void hear(int pipe[2])
{
    char byte;
    CHECK(read(pipe[0], &byte, 1) == 1);
}

static void be_child(void)
{
    char got[100];
    strcpy(text, "the child's");
    memset(large, 2, LARGE);
    tell(up);
    hear(down);
    printf("the child has: %s, %d\n", text, large[5000]);
    SHOW_VALUE(transfer(process_vm_readv, getppid(), got, text, sizeof text));
    printf("the child reads: %s\n", got);
    fflush(stdout);
    tell(up);
    hear(down);
    _exit(0);
}

int main(void)
{
    large = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(large != MAP_FAILED && pipe(up) == 0 && pipe(down) == 0);
    memset(large, 1, LARGE);
    /* Where only those whose descendants one is may look. */
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        be_child();
    hear(up);
    char got[100] = "", new[100] = "written by the parent";
    SHOW_VALUE(transfer(process_vm_readv, child, got, text, sizeof text));
    printf("the parent reads: %s\n", got);
    SHOW_VALUE(transfer(process_vm_writev, child, new, text, sizeof text));
    char *all = malloc(LARGE);
    SHOW_VALUE(transfer(process_vm_readv, child, all, large, LARGE));
    printf("%d %d\n", all[0], all[LARGE - 1]);
    struct iovec local = {all, 20}, remote[] = {{text, 10}, {(void *)8192, 10}};
    SHOW_VALUE(process_vm_readv(child, &local, 1, remote, 2, 0));
    SHOW_VALUE(process_vm_readv(child, &local, 1, remote + 1, 1, 0));

    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", child);
    int memory = open(path, O_RDWR);
    CHECK(memory >= 0);
    memset(got, 0, sizeof got);
    SHOW_VALUE(pread(memory, got, 7, (off_t)text));
    printf("the file has: %s\n", got);
    SHOW_VALUE(pwrite(memory, "\5", 1, (off_t)large + 5000));
    SHOW_VALUE(pread(memory, got, 7, 8192));
    fflush(stdout);
    tell(down);
    hear(up);
    tell(down);
    CHECK(waitpid(child, NULL, 0) == child);
    SHOW_VALUE(pread(memory, got, 7, (off_t)text));
    SHOW_VALUE(transfer(process_vm_readv, child, got, text, sizeof text));
}
