/* System V shared memory: attaching, sharing among processes, removal, permissions, bad arguments. */
#define _GNU_SOURCE
#include "../check.h"
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>

static void show_stat(const char *what, int id)
{
    struct shmid_ds ds;
    if (shmctl(id, IPC_STAT, &ds) == -1) {
        printf("%s: %s\n", what, error_name(errno));
        return;
    }
    printf("%s: size %zu, mode %o, attached %lu, creator %d, last %d, times %d %d %d, private %d\n", what,
           ds.shm_segsz, ds.shm_perm.mode, ds.shm_nattch, ds.shm_cpid == getpid(), ds.shm_lpid != 0,
           ds.shm_atime != 0, ds.shm_dtime != 0, ds.shm_ctime != 0, ds.shm_perm.__key == IPC_PRIVATE);
}

int main(void)
{
    key_t key = 0x454e0000 | (getpid() & 0xffff);
    SHOW(shmget(key, 5000, 0600));
    int id = shmget(key, 5000, IPC_CREAT | IPC_EXCL | 0640);
    CHECK(id >= 0);
    SHOW(shmget(key, 5000, IPC_CREAT | IPC_EXCL | 0640));
    printf("same %d %d\n", shmget(key, 0, 0) == id, shmget(key, 5000, IPC_CREAT | 0600) == id);
    SHOW(shmget(key, 5001, 0));
    SHOW(shmget(IPC_PRIVATE, 0, 0600));
    show_stat("new", id);

    char *one = shmat(id, NULL, 0);
    CHECK(one != (void *)-1);
    for (int i = 0; i < 8192; i++)
        CHECK(one[i] == 0);
    strcpy(one, "hello");
    one[8191] = 'x';
    char *other = shmat(id, NULL, SHM_RDONLY);
    CHECK(other != (void *)-1 && other != one);
    printf("%s %c\n", other, other[8191]);
    show_stat("attached twice", id);
    SHOW(mprotect(other, 4096, PROT_READ | PROT_WRITE));
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[400], name[40];
    snprintf(name, sizeof name, "/SYSV%08x", key);
    int named = 0;
    while (fgets(line, sizeof line, maps))
        named += strstr(line, name) != NULL;
    fclose(maps);
    printf("named %d\n", named);

    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        show_stat("in a child", id);
        strcpy(one, "from the child");
        CHECK(shmdt(other) == 0);
        show_stat("the child detached one", id);
        fflush(stdout);
        _exit(0);
    }
    CHECK(waitpid(child, NULL, 0) == child);
    printf("%s\n", other);
    show_stat("the child has ended", id);

    SHOW(shmdt(one + 4096));
    SHOW(shmdt(one + 1));
    SHOW(shmdt(one));
    SHOW(shmdt(one));
    show_stat("one is detached", id);
    /* At a place of the program's choice. */
    SHOW_VALUE(shmat(id, other, 0) == (void *)-1);
    CHECK(shmat(id, one + 100, SHM_RND) == one);
    CHECK(shmdt(one) == 0);
    errno = 0;
    SHOW(shmat(id, one + 100, 0));
    SHOW(shmat(id, other + 1, SHM_RND));
    SHOW(shmat(id, NULL, SHM_REMAP));
    char *remapped = shmat(id, other, SHM_REMAP);
    CHECK(remapped == other);
    show_stat("remapped", id);
    /* What is partly unmapped is detached all the same. */
    CHECK(munmap(remapped, 4096) == 0);
    show_stat("half", id);
    SHOW(shmdt(remapped));
    show_stat("none", id);

    puts("removed while it is attached");
    one = shmat(id, NULL, 0);
    CHECK(one != (void *)-1);
    CHECK(shmctl(id, IPC_RMID, NULL) == 0);
    show_stat("removed", id);
    SHOW(shmget(key, 0, 0));
    other = shmat(id, NULL, 0);
    CHECK(other != (void *)-1);
    strcpy(one, "still there");
    printf("%s\n", other);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(shmdt(one) == 0 && shmdt(other) == 0);
        _exit(0);
    }
    CHECK(waitpid(child, NULL, 0) == child);
    show_stat("a child has detached it", id);
    CHECK(shmdt(one) == 0 && shmdt(other) == 0);
    show_stat("detached", id);
    SHOW(shmat(id, NULL, 0));

    puts("a process's end detaches");
    id = shmget(IPC_PRIVATE, 4096, 0600);
    CHECK(id >= 0);
    child = fork();
    if (child == 0) {
        CHECK(shmat(id, NULL, 0) != (void *)-1);
        CHECK(shmctl(id, IPC_RMID, NULL) == 0);
        show_stat("in the child", id);
        fflush(stdout);
        _exit(0);
    }
    CHECK(waitpid(child, NULL, 0) == child);
    show_stat("after it", id);

    puts("permissions");
    id = shmget(IPC_PRIVATE, 4096, 0600);
    struct shmid_ds ds;
    CHECK(shmctl(id, IPC_STAT, &ds) == 0);
    ds.shm_perm.mode = 0444;
    CHECK(shmctl(id, IPC_SET, &ds) == 0);
    show_stat("set", id);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        CHECK(setgid(65534) == 0 && setuid(65534) == 0);
        SHOW(shmat(id, NULL, 0));
        SHOW(shmat(id, NULL, SHM_RDONLY));
        SHOW(shmctl(id, IPC_SET, &ds));
        SHOW(shmctl(id, IPC_RMID, NULL));
        fflush(stdout);
        _exit(0);
    }
    CHECK(waitpid(child, NULL, 0) == child);

    struct shminfo limits;
    CHECK(shmctl(0, IPC_INFO, (struct shmid_ds *)&limits) >= 0);
    printf("limits %lu %lu %lu %lu %lu\n", limits.shmmax, limits.shmmin, limits.shmmni, limits.shmseg, limits.shmall);
    struct shm_info info;
    int highest = shmctl(0, SHM_INFO, (struct shmid_ds *)&info);
    CHECK(highest >= 0 && info.used_ids >= 1);
    int found = 0;
    for (int i = 0; i <= highest; i++)
        found += shmctl(i, SHM_STAT, &ds) == id;
    printf("found %d\n", found);
    CHECK(shmctl(id, IPC_RMID, NULL) == 0);
    SHOW(shmctl(id, IPC_STAT, &ds));
    SHOW(shmctl(-1, IPC_STAT, &ds));
    SHOW(shmctl(0, 99, &ds));
    SHOW(shmat(-1, NULL, 0));
    SHOW(shmat(2000000000, NULL, 0));
    return 0;
}
