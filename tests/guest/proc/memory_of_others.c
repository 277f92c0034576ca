// Memory of a child that was spawned is read and written by process_vm_readv, process_vm_writev and /proc/PID/mem.
#include "proc.h"

static char *buffer;

int main(int argc, char **argv)
{
    if (argc > 1) {
        buffer = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(buffer != MAP_FAILED && munmap(buffer + 2 * 4096, 4096) == 0);
        strcpy(buffer, "from the child");
        strcpy(buffer + 4096, "its second page");
        CHECK(write(3, &buffer, sizeof buffer) == sizeof buffer);
        char byte;
        CHECK(read(4, &byte, 1) == 1);
        printf("the child has: %s\n", buffer);
        return 0;
    }
    int up[2], down[2];
    CHECK(pipe(up) == 0 && pipe(down) == 0);
    CHECK(dup2(down[0], 10) == 10 && dup2(down[1], 11) == 11 && dup2(up[1], 12) == 12 && dup2(up[0], 13) == 13);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, 12, 3);
    posix_spawn_file_actions_adddup2(&actions, 10, 4);
    pid_t child;
    char *args[] = { "self", "child", 0 };
    CHECK(posix_spawn(&child, "/proc/self/exe", &actions, 0, args, environ) == 0);
    char *there;
    CHECK(read(13, &there, sizeof there) == sizeof there);
    char text[64] = "";
    struct iovec local = { text, 15 }, remote = { there, 15 };
    SHOW_VALUE(process_vm_readv(child, &local, 1, &remote, 1, 0));
    printf("%s\n", text);
    char pages[2 * 4096];
    struct iovec big = { pages, sizeof pages }, across = { there + 4096, sizeof pages };
    SHOW_VALUE(process_vm_readv(child, &big, 1, &across, 1, 0));
    printf("%s\n", pages);
    struct iovec nowhere = { there + 2 * 4096, 10 };
    SHOW(process_vm_readv(child, &local, 1, &nowhere, 1, 0));
    SHOW(process_vm_readv(child, &local, 1, &remote, 1, 1));
    SHOW(process_vm_readv(1 << 30, &local, 1, &remote, 1, 0));

    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", child);
    int mem = open(path, O_RDWR);
    CHECK(mem >= 0);
    memset(text, 0, sizeof text);
    SHOW_VALUE(pread(mem, text, 15, (off_t)(intptr_t)there));
    printf("%s\n", text);
    SHOW(pread(mem, text, 15, (off_t)(intptr_t)(there + 2 * 4096)));
    SHOW_VALUE(pwrite(mem, "from mem  ", 10, (off_t)(intptr_t)there));
    struct iovec new = { "by writev", 10 };
    remote.iov_len = 10;
    SHOW_VALUE(process_vm_writev(child, &new, 1, &remote, 1, 0));
    fflush(stdout);
    CHECK(write(11, "x", 1) == 1);
    end_of(child);
    SHOW(process_vm_readv(child, &local, 1, &remote, 1, 0));
    SHOW_VALUE(pread(mem, text, 15, (off_t)(intptr_t)there));
    return 0;
}
