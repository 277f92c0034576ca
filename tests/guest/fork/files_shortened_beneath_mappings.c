// A file in memory that becomes shorter ends in the mappings of all processes, whichever forked which; as it grows again,
// they see zeroes. Who has another mapping at the same address keeps it.
#define _GNU_SOURCE
#include "../check.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { PAGE = 4096, PAGES = 4, SIZE = PAGES * PAGE };

static sigjmp_buf before;
static int up[2], down[2];

static void handler(int number, siginfo_t *info, void *context)
{
    CHECK(info->si_code == BUS_ADRERR || number == SIGSEGV);
    siglongjmp(before, number);
}

/* What the first byte of a page is, or the signal. */
static void show_page(volatile char *page)
{
    int number = sigsetjmp(before, 1);
    if (number)
        printf(" %s", sigabbrev_np(number));
    else
        printf(" %d", *page);
}

static void show(const char *who, char *shared, char *private)
{
    printf("%s: shared", who);
    for (int i = 0; i < PAGES; i++)
        show_page(shared + i * PAGE);
    printf(", private");
    for (int i = 0; i < PAGES; i++)
        show_page(private + i * PAGE);
    printf("\n");
    fflush(stdout);
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

/* As the other one does it, this one sees it; a third one computes and never calls the system. */
static void check(const char *name, int fd)
{
    CHECK(ftruncate(fd, SIZE) == 0);
    char *shared = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *private = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CHECK(shared != MAP_FAILED && private != MAP_FAILED);
    memset(shared, 1, SIZE);
    private[3 * PAGE] = 2;
    printf("%s\n", name);
    fflush(stdout);
    pid_t computing = fork();
    CHECK(computing >= 0);
    if (computing == 0) {
        signal(SIGBUS, SIG_DFL);
        for (;;)
            (void)*(volatile char *)(shared + 2 * PAGE);
    }
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        show("child at first", shared, private);
        tell(up);
        hear(down);
        show("child, shortened", shared, private);
        tell(up);
        hear(down);
        show("child, grown", shared, private);
        CHECK(ftruncate(fd, PAGE / 2) == 0);
        show("child, has shortened", shared, private);
        tell(up);
        _exit(0);
    }
    hear(up);
    char *other = mmap(private + 3 * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    CHECK(other == private + 3 * PAGE);
    *other = 3;
    CHECK(ftruncate(fd, PAGE + 10) == 0);
    show("parent, has shortened", shared, private);
    int status;
    CHECK(waitpid(computing, &status, 0) == computing && WIFSIGNALED(status));
    printf("who computes: %s\n", sigabbrev_np(WTERMSIG(status)));
    tell(down);
    hear(up);
    CHECK(ftruncate(fd, SIZE) == 0);
    tell(down);
    hear(up);
    show("parent, shortened", shared, private);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(munmap(shared, SIZE) == 0 && munmap(private, SIZE) == 0);
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    CHECK(sigaction(SIGBUS, &action, NULL) == 0 && sigaction(SIGSEGV, &action, NULL) == 0);
    CHECK(pipe(up) == 0 && pipe(down) == 0);
    check("memfd", memfd_create("shortened", 0));
    char name[] = "/dev/shm/shortened.XXXXXX";
    int fd = mkstemp(name);
    CHECK(fd >= 0 && unlink(name) == 0);
    check("tmpfs", fd);
}
